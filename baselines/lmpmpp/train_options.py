"""The training configuration of the mini variant (``configs/train/lmpmpp-mini.yaml``), checked."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

from mevis_bench.records import UsageError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ExtractorOptions:
    """Stage 1: optimiser steps, peak learning rate, frames a step."""

    steps: int
    learning_rate: float
    frames: int


@dataclass(frozen=True, slots=True)
class AlignmentOptions:
    """Stage 3: optimiser steps, peak learning rate, videos a step and sentences of each."""

    steps: int
    learning_rate: float
    videos: int
    sentences: int


@dataclass(frozen=True, slots=True)
class LanguageOptions:
    """Stages 4 and 5: as stage 3; ``shuffled_videos`` of each step also give the disrupted tokens of equation 1."""

    steps: int
    learning_rate: float
    videos: int
    sentences: int
    shuffled_videos: int


@dataclass(frozen=True, slots=True)
class AdapterOptions:
    """Stage 5: optimiser steps, peak learning rate; ``contrastive``: with L_con (row (iii) of Table 4) or not (ii)."""

    steps: int
    learning_rate: float
    contrastive: bool


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """All stages; every ``measure_every`` steps the held-out split is measured."""

    extractor: ExtractorOptions
    alignment: AlignmentOptions
    language: LanguageOptions
    adapters: AdapterOptions
    measure_every: int

    @classmethod
    def read(cls, options: Mapping[str, object]) -> "TrainOptions":
        """Check a resolved configuration.

        Raises:
            UsageError: A key is unknown, missing or of the wrong kind.
        """
        return _read(options, cls, "")


def _read(options: object, kind: type[T], where: str) -> T:
    if not isinstance(options, Mapping):
        raise UsageError(f"training option {where} must be a group of options")
    hints: dict[str, Any] = get_type_hints(kind)
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for key in options:
        if key not in names:
            raise UsageError(f"unknown training option {where}{key}", hint=f"Known: {', '.join(names)}.")
    values: dict[str, object] = {}
    for name in names:
        if name not in options:
            raise UsageError(f"training option {where}{name} is missing")
        value, wanted = options[name], hints[name]
        if is_dataclass(wanted):
            values[name] = _read(value, wanted, f"{where}{name}.")  # type: ignore[arg-type]
        elif type(value) is wanted or (wanted is float and type(value) is int):
            values[name] = wanted(value)
        else:
            raise UsageError(f"training option {where}{name} must be {wanted.__name__}, not {value!r}")
    return kind(**values)
