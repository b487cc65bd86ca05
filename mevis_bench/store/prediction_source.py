"""Predictions of any stored format: one prediction per sample."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from mevis_bench.files.names import validate_name
from mevis_bench.masks import MaskRows
from mevis_bench.records import CaptionPrediction, DataError, PointPrediction, Rle, TrackPrediction


@dataclass(frozen=True, slots=True)
class FrameSpec:
    """The frames of a prediction.

    Attributes:
        video_id: The video.
        frame_names: File names without suffix, in order.
        height: Rows, in pixels.
        width: Columns, in pixels.
        scored: Indices of the frames that are scored; ``None``: all.
        missing_are_empty: Whether a missing file of a frame after the first is an empty mask.
    """

    video_id: str
    frame_names: tuple[str, ...]
    height: int
    width: int
    scored: tuple[int, ...] | None = None
    missing_are_empty: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One of several masks for the same expression.

    Attributes:
        masks: One per frame, ``None`` where nothing is foreground.
        score: The method's confidence; higher is better.
    """

    masks: tuple[Rle | None, ...]
    score: float


def best_candidate(candidates: Sequence[Candidate]) -> Candidate:
    """Return the candidate with the highest score, of equal ones the last (MTTR, ``metrics.py``)."""
    return max(enumerate(candidates), key=lambda pair: (pair[1].score, pair[0]))[1]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedMasks:
    """Masks as they are scored.

    Attributes:
        rows: The foreground of every frame.
        objects: The same kept apart by object, one mask per frame, where the method knew it, else ``None``.
        target_score: The method's own confidence in 0..1 that there is a target; ``None``: it gave none.
        candidates: Several masks with scores, where the method gave them; else ``None``.
        labels: Label images: the masks of labels 1, 2, ... of the same annotator's answers; else ``None``.
    """

    rows: MaskRows
    objects: tuple[tuple[Rle | None, ...], ...] | None = None
    target_score: float | None = None
    candidates: tuple[Candidate, ...] | None = None
    labels: tuple[MaskRows, ...] | None = None


LoadedPrediction = LoadedMasks | TrackPrediction | PointPrediction | CaptionPrediction

KINDS: Mapping[type[LoadedPrediction], str] = {
    LoadedMasks: "masks",
    TrackPrediction: "tracks",
    PointPrediction: "points",
    CaptionPrediction: "a caption",
}
"""Names of the kinds of predictions, for messages."""


class PredictionSource(Protocol):
    """Predictions of many samples at rest. It can be pickled; files are opened where they are read."""

    @property
    def format(self) -> str:
        """Name of the format, for people."""
        ...

    def samples(self) -> Set[str]:
        """Return the ids ``<video>/<expression>`` of everything that is there, readable or not."""
        ...

    def only(self, video_id: str) -> "PredictionSource":
        """Return a source that only has one video, to send it to a scoring process."""
        ...

    def read(self, expression_id: str, clip: FrameSpec) -> LoadedPrediction:
        """Read one sample.

        Raises:
            DataError: It is missing, broken, or does not fit the clip; names file and key.
        """
        ...


def sample_path(expression_id: str, clip: FrameSpec) -> str:
    """Return ``<video>/<expression>``, the relative path of one sample.

    Raises:
        DataError: One of the two is not a valid name.
    """
    validate_name(expression_id, "expression id", clip.video_id)
    return f"{validate_name(clip.video_id, 'video id')}/{expression_id}"


def check_length(masks: Sequence[object], clip: FrameSpec, location: str) -> None:
    """Raise :class:`DataError` unless there is one mask per frame."""
    if len(masks) != len(clip.frame_names):
        raise DataError(f"{len(masks)} masks for {len(clip.frame_names)} frames", location=location)
