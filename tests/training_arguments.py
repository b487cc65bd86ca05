"""Training arguments for tests: the real trainer on the CPU."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from mevis_bench.records import TrainingArguments, TrainingData
from mevis_bench.schemas.decode import JsonSource, decode
from mevis_bench.training.loop import LoopTrainer
from mevis_bench.training.processes import Processes

T = TypeVar("T")


def read_options(values: Mapping[str, object], kind: type[T]) -> T:
    """Options as the harness decodes them."""
    return decode(dict(values), kind, JsonSource("options"))


def ignore(stage: str, step: int, steps: int, values: Mapping[str, float]) -> None:
    """Ignore progress."""


def make_training_arguments(
    variant: str,
    options: object,
    data: TrainingData,
    out: Path,
    val_data: TrainingData | None = None,
    progress: Callable[[str, int, int, Mapping[str, float]], None] = ignore,
    seed: int = 0,
) -> TrainingArguments:
    trainer = LoopTrainer(out, Processes("cpu"), seed, progress)
    return TrainingArguments(variant, options, data, val_data or data, out, "cpu", seed, trainer, progress)
