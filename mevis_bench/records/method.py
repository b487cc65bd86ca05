"""The one interface of every method."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from mevis_bench.records.errors import MethodError
from mevis_bench.records.prediction import Prediction, TrackPrediction
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


class StoredTracks(Protocol):
    """Tracks that another method predicted."""

    def read(self, video: Video, expression_id: str) -> TrackPrediction:
        """Read the tracks of one expression.

        Raises:
            DataError: There are none, they are something else than tracks, or they do not fit the video.
        """
        ...


def _cannot_open(path: Path) -> StoredTracks:
    raise MethodError("stored tracks cannot be read in a method's own environment", location=str(path))


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
        open_tracks: Opens tracks that are stored in any format that can be scored; raises ``DataError`` where a path
            holds none. Not available to methods with an environment of their own.
    """

    task: str
    variant: str
    options: OptionsT
    weights: Mapping[str, Path] | None
    device: str
    seed: int
    open_tracks: Callable[[Path], StoredTracks] = _cannot_open
