"""Training configurations: ``configs/train/<method>-<variant>.yaml``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml

from mevis_bench.config.paths import configs_folder
from mevis_bench.files.strict_yaml import Node, place, plain_value, read_node, with_settings
from mevis_bench.records import DataError, UsageError
from mevis_bench.schemas.train_config import LoaderConfig, MiniData
from mevis_bench.schemas.yaml_files import decode_node

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training.

    Attributes:
        mini: The generated data.
        loader: Data loading.
        options_node: Everything else in the file: options of the method.
    """

    mini: MiniData
    loader: LoaderConfig
    options_node: Node

    def options(self, kind: type[T]) -> T:
        """Return the method's options.

        Args:
            kind: The method's frozen dataclass for the variant.

        Raises:
            DataError: A key is unknown, missing or mistyped; names file and line, or the ``--set``.
        """
        return decode_node(self.options_node, kind)

    def plain_options(self) -> object:
        """Return the method's options as plain values."""
        return plain_value(self.options_node)


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
    loader = LoaderConfig()
    for name in ("mini", "loader"):
        if name in sections:
            node.value.remove(sections[name])
    if "loader" in sections:
        loader = decode_node(sections["loader"][1], LoaderConfig)
    return TrainConfig(decode_node(sections["mini"][1], MiniData), loader, node)
