"""Predictions of a method. Axes: t frames, h rows, w columns, n entries; boxes are in pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:  # numpy alone would double the time that help and lists take to start
    import numpy as np
    from numpy.typing import NDArray


@final
@dataclass(frozen=True, slots=True, eq=False)
class MaskPrediction:
    """RVOS and AVOS: which pixels belong to the target, in every frame of the video.

    Attributes:
        masks: bool ``(t, h, w)`` at the video's own size; all ``False`` means "no target".
        objects: The same foreground kept apart by object, each bool ``(t, h, w)``, where the method knows it
            (LMPM++: one per <SEG>); their union is ``masks``. Tracks are derived from it. ``None``: not known.
        target_score: The method's own confidence in 0..1 that there is a target; ``None``: it has none.
    """

    masks: NDArray[np.bool_]
    objects: tuple[NDArray[np.bool_], ...] | None = None
    target_score: float | None = None


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


@final
@dataclass(frozen=True, slots=True)
class CaptionPrediction:
    """RMEG: one sentence.

    Attributes:
        text: The sentence; may be empty.
        target_kept: Share of the targets' pixels, 0..1, that is inside the model's view (a center crop loses some),
            over the frames that it samples; ``None``: the method does not crop, or does not know.
    """

    text: str
    target_kept: float | None = None


Prediction = MaskPrediction | TrackPrediction | CaptionPrediction
