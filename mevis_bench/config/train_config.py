"""What a training is told: ``configs/train/<method>-<variant>.yaml``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from mevis_bench.config.paths import configs_folder
from mevis_bench.files.strict_yaml import place, plain_value, read_node, with_settings
from mevis_bench.records import DataError, UsageError
from mevis_bench.schemas.yaml_files import decode_node


@dataclass(frozen=True, slots=True)
class MiniData:
    """The generated splits that are learned from where no ``--data`` is given.

    Attributes:
        videos: Videos of the split ``train``.
        held_out_videos: Videos of the split ``held_out``: measured on while training, never learned from.
        seed: Seed of both.
        annotators: How many write about each video of ``train``.
        spoken_videos: So many videos of ``train``, the first ones, have their sentences spoken, and all of
            ``held_out`` if it is not 0; needs flite and festival.
        opposite_orders: Share of the videos of ``train`` in which two objects make the same two moves in opposite
            order, 0..1.
    """

    videos: int
    held_out_videos: int
    seed: int
    annotators: int
    spoken_videos: int = 0
    opposite_orders: float = 0.75


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training.

    Attributes:
        mini: The generated data.
        options: Everything else in the file; the method checks it.
    """

    mini: MiniData
    options: Mapping[str, object]


def read_train_config(method: str, variant: str, settings: Sequence[str]) -> TrainConfig:
    """Read a variant's training configuration, ``--set`` settings put over it.

    Raises:
        UsageError: There is none for this variant, or a setting has no value.
        DataError: A key of ``mini`` is missing, unknown or mistyped.
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
        raise DataError("must be a mapping", location=place(node))
    sections = {key.value: (key, value) for key, value in node.value}
    if "mini" not in sections:
        raise DataError("key 'mini' is missing", location=place(node))
    node.value.remove(sections["mini"])
    options = plain_value(node)
    assert isinstance(options, dict)
    return TrainConfig(decode_node(sections["mini"][1], MiniData), options)
