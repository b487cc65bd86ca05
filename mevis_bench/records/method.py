"""The one interface of every method."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from mevis_bench.records.errors import MethodError
from mevis_bench.records.prediction import PointPrediction, Prediction, TrackPrediction
from mevis_bench.records.prompt import Prompt
from mevis_bench.records.video import Video

OptionsT = TypeVar("OptionsT")
EntriesT = TypeVar("EntriesT", TrackPrediction, PointPrediction)


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


class StoredPredictions(Protocol):
    """Predictions of another method."""

    def read(self, video: Video, expression_id: str, kind: type[EntriesT]) -> EntriesT:
        """Read the tracks or points of one expression.

        Raises:
            DataError: There is no prediction, it is of another kind, or it does not fit the video.
        """
        ...


def _cannot_open(path: Path) -> StoredPredictions:
    raise MethodError("stored predictions can only be read where the harness loads the method", location=str(path))


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
        open_predictions: Opens predictions of another method, stored in any format that can be scored; raises
            ``DataError`` where a path holds none. Not available to methods with an environment of their own.
    """

    task: str
    variant: str
    options: OptionsT
    weights: Mapping[str, Path] | None
    device: str
    seed: int
    open_predictions: Callable[[Path], StoredPredictions] = _cannot_open
