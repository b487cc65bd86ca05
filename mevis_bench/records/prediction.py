"""Predictions of a method. Axes: t frames, h rows, w columns, n entries; boxes are in pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:  # numpy alone would double the time that help and lists take to start
    import numpy as np
    from numpy.typing import NDArray

Points = Mapping[int, Mapping[str, tuple[float, float]]]
"""``x, y`` in pixels by frame index and object name."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class MaskPrediction:
    """RVOS and AVOS: which pixels belong to the target, in every frame of the video.

    Attributes:
        masks: bool ``(t, h, w)`` at the video's own size; all ``False`` means "no target".
        objects: The same foreground kept apart by object, each bool ``(t, h, w)``, where the method knows it
            (LMPM++: one per <SEG>); their union is ``masks``. Tracks are derived from it. ``None``: not known.
        target_score: The method's own confidence in 0..1 that there is a target; ``None``: it has none.
        candidates: Several answers to the same expression, each bool ``(t, h, w)`` with the method's confidence, in any
            order; average precision is computed from them (A2D- and JHMDB-Sentences). ``None``: ``masks`` is the only
            one.
    """

    masks: NDArray[np.bool_]
    objects: tuple[NDArray[np.bool_], ...] | None = None
    target_score: float | None = None
    candidates: tuple[tuple[NDArray[np.bool_], float], ...] | None = None


@final
@dataclass(frozen=True, slots=True, eq=False)
class TrackPrediction:
    """RMOT: boxes with identities; no entries at all means "no target".

    Attributes:
        frames: int64 ``(n,)``, 0-based index into the video's frames.
        ids: int64 ``(n,)``, one identity per object; at most one box per identity and frame.
        boxes: float64 ``(n, 4)``, ``x0, y0, x1, y1`` in pixels, half-open: a mask covering columns 3..5 has
            ``x0 = 3, x1 = 6``.
    """

    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    boxes: NDArray[np.float64]

    @classmethod
    def from_boxes(
        cls,
        boxes: Sequence[NDArray[np.generic]],
        visible: Sequence[NDArray[np.bool_]],
        ids: Sequence[int] | None = None,
    ) -> TrackPrediction:
        """Create tracks from one box per object and frame.

        Args:
            boxes: For every object ``(t, 4)``, ``x0, y0, x1, y1`` in pixels, half-open.
            visible: For every object bool ``(t,)``: whether it has a box in that frame.
            ids: Identity of every object; ``None``: 0, 1, 2, ...

        Returns:
            Entries by object, then by frame; without objects there are none.
        """
        import numpy as np

        frames = [np.flatnonzero(seen) for seen in visible]
        numbers = range(len(boxes)) if ids is None else ids
        return cls(
            np.concatenate([np.zeros(0, np.int64), *frames]),
            np.repeat(np.array(numbers, np.int64), [len(index) for index in frames]),
            np.concatenate(
                [np.zeros((0, 4)), *(corners[index] for corners, index in zip(boxes, frames, strict=True))],
                dtype=np.float64,
            ),
        )


@final
@dataclass(frozen=True, slots=True, eq=False)
class PointPrediction:
    """RVOS and AVOS: one point inside each object in some frames, with identities; no point means "no target".

    Attributes:
        frames: int64 ``(n,)``, 0-based index into the video's frames.
        ids: int64 ``(n,)``, one identity per object; at most one point per identity and frame.
        points: float64 ``(n, 2)``, ``x, y`` in pixels.
        raw: The model's whole answer, from which the points were read; ``None``: it did not answer in text.
        is_cut: Whether the answer ends inside its points, as where a model ran out of tokens.
    """

    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    points: NDArray[np.float64]
    raw: str | None = None
    is_cut: bool = False

    @classmethod
    def from_points(cls, points: Points, raw: str | None = None, *, is_cut: bool = False) -> PointPrediction:
        """Create a prediction from points by frame; identities are numbered in the order of the objects' names."""
        import numpy as np

        names = sorted({name for named in points.values() for name in named})
        rows = [(t, names.index(name), *named[name]) for t, named in sorted(points.items()) for name in sorted(named)]
        table = np.array(rows, np.float64).reshape(len(rows), 4)
        return cls(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2:], raw, is_cut)

    @property
    def is_unreadable(self) -> bool:
        """Whether there are words, but no point."""
        return self.raw is not None and bool(self.raw.strip()) and not len(self.frames)

    def by_frame(self) -> Points:
        """Return the points by frame; objects are named by their identity."""
        points: dict[int, dict[str, tuple[float, float]]] = {}
        for frame, identity, (x, y) in zip(self.frames.tolist(), self.ids.tolist(), self.points.tolist(), strict=True):
            points.setdefault(frame, {})[str(identity)] = x, y
        return points


@final
@dataclass(frozen=True, slots=True)
class CaptionPrediction:
    """RMEG: one sentence.

    Attributes:
        text: The sentence; may be empty.
        target_kept: Share of the targets' pixels, 0..1, that is inside the model's view (a center crop loses some),
            over the frames that it samples; ``None``: the method does not crop, or does not know.
        raw: The model's whole answer, where ``text`` is only what a rule took from it; ``None``: they are the same.
    """

    text: str
    target_kept: float | None = None
    raw: str | None = None


Prediction = MaskPrediction | TrackPrediction | PointPrediction | CaptionPrediction
