"""Record of a training: ``training.json``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mevis_bench.schemas.json_files import Upgrade
from mevis_bench.schemas.train_config import MiniData


def _upgrade_0(record: dict[str, Any]) -> dict[str, Any]:
    """Rename ``held_out`` and ``mini.held_out_videos``."""
    renamed = {"val_data" if name == "held_out" else name: value for name, value in record.items()}
    if isinstance(mini := record.get("mini"), dict):
        renamed["mini"] = {"val_videos" if name == "held_out_videos" else name: value for name, value in mini.items()}
    return renamed


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """Settings of a training. The same command resumes it; with other settings it is refused.

    Attributes:
        method: ``method:variant``.
        options: Options of the method's training, as in its configuration.
        seed: Seed of all random numbers.
        data: Fingerprint of the training split.
        val_data: Fingerprint of the validation split.
        mini: The generated data.
        schema: Number of this format.
    """

    method: str
    options: Mapping[str, object]
    seed: int
    data: str
    val_data: str
    mini: MiniData
    schema: Literal[1] = 1

    upgrades: ClassVar[Mapping[int, Upgrade]] = {0: _upgrade_0}
