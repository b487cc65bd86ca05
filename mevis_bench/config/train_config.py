"""Reading of training configurations."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from mevis_bench.config.paths import configs_folder
from mevis_bench.files.strict_yaml import place, plain_value, read_node, with_settings
from mevis_bench.records import DataError, UsageError
from mevis_bench.schemas.train_config import MiniData, TrainConfig
from mevis_bench.schemas.yaml_files import decode_node


def read_train_config(method: str, variant: str, settings: Sequence[str]) -> TrainConfig:
    """Read a variant's training configuration and apply ``--set`` settings.

    Raises:
        UsageError: The variant has no training configuration, or a setting has no value.
        DataError: A key of ``mini`` is missing or unknown, or its value is invalid.
    """
    path = configs_folder() / "train" / f"{method}-{variant}.yaml"
    if not path.is_file():
        known = sorted(file.stem.replace("-", ":", 1) for file in path.parent.glob("*.yaml"))
        raise UsageError(
            f"{method}:{variant} has no training configuration", location=str(path), hint=f"Known: {', '.join(known)}"
        )
    return _split(path, settings)


def _split(path: Path, settings: Sequence[str]) -> TrainConfig:
    node = with_settings(read_node(path), settings)
    if not isinstance(node, yaml.MappingNode):
        raise DataError("expected a mapping", location=place(node))
    sections = {key.value: (key, value) for key, value in node.value}
    if "mini" not in sections:
        raise DataError("missing key 'mini'", location=place(node))
    node.value.remove(sections["mini"])
    options = plain_value(node)
    assert isinstance(options, dict)
    return TrainConfig(decode_node(sections["mini"][1], MiniData), options)
