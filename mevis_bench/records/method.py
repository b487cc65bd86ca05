"""The one interface of every method."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from mevis_bench.records.prediction import Prediction
from mevis_bench.records.prompt import Prompt
from mevis_bench.records.video import Video

OptionsT = TypeVar("OptionsT")


class Method(Protocol):
    """A loaded method. ``baselines/<name>/method.py`` has ``load(config: MethodConfig) -> Method``."""

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[Prediction]:
        """Answer every prompt about one video.

        A video comes with all of its prompts, because it is encoded once and prompted many times.

        Yields:
            One prediction per prompt, in the order of ``prompts``, each as soon as it is known.
        """
        ...

    def close(self) -> None:
        """Release device memory and processes."""
        ...


@dataclass(frozen=True, slots=True)
class MethodConfig(Generic[OptionsT]):
    """Arguments of a method's ``load``.

    Attributes:
        task: ``rvos``, ``avos``, ``rmot`` or ``rmeg``.
        variant: Name of the variant in ``method.yaml``.
        options: The variant's ``options`` of ``method.yaml``, overridden by ``--set method.<key>=<value>``: the
            method's ``Options`` (``options.py``), or a plain mapping where the method has none.
        weights: Local files by their name in ``method.yaml``; ``None``: run with seeded random weights, on purpose.
        device: A torch device string, for instance ``cpu`` or ``cuda:0``.
        seed: Seed of everything random, random weights included.
    """

    task: str
    variant: str
    options: OptionsT
    weights: Mapping[str, Path] | None
    device: str
    seed: int
