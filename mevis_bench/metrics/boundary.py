"""F, the boundary measure, from counts of boundary pixels (DAVIS; the paper's section 5)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks import MaskRows


@dataclass(frozen=True, slots=True, eq=False)
class Boundary:
    """Boundary pixels of a video, every row as sorted half-open spans; the layout of :class:`MaskRows`."""

    offsets: NDArray[np.int64]
    spans: NDArray[np.int32]


def boundary_of(masks: MaskRows) -> Boundary:
    """Return the pixels that differ from their right, lower or lower-right neighbor.

    The bottom row compares to the right only, the right column downward only, the corner pixel never counts. So a
    mask edge on the image border is no boundary, and a mask that fills the frame has none.
    """
    from mevis_bench.metrics.boundary_loops import boundary_spans

    return Boundary(*boundary_spans(masks.length, masks.width, masks.offsets, masks.x))


def match_radius(height: int, width: int, tolerance: float) -> int:
    """Return the radius in pixels within which boundaries match: ``tolerance`` of the frame's diagonal, rounded up.

    With 0.008 it is 8 at 854x480, 12 at 720p and 18 at 1080p.
    """
    return math.ceil(tolerance * math.sqrt(height * height + width * width))


def disk_reaches(radius: int) -> NDArray[np.int64]:
    """Return the half-width of the disk ``dx^2 + dy^2 <= radius^2`` at ``dy = 0..radius``, ``(radius + 1,)``."""
    return np.array([math.isqrt(radius * radius - dy * dy) for dy in range(radius + 1)], dtype=np.int64)


def match_counts(
    prediction: Boundary, ground_truth: Boundary, length: int, height: int, width: int, tolerance: float
) -> NDArray[np.int64]:
    """Count boundary pixels and matches of every frame.

    Args:
        prediction: Predicted boundary.
        ground_truth: True boundary.
        length: Number of frames.
        height: Rows of a frame, in pixels.
        width: Columns of a frame, in pixels.
        tolerance: Largest distance of a match, as a share of the frame's diagonal.

    Returns:
        int64 ``(length, 4)``: predicted, true, matched predicted, matched true.
    """
    from mevis_bench.metrics.boundary_loops import match_boundaries

    reaches = disk_reaches(match_radius(height, width, tolerance))
    return match_boundaries(
        length, width, prediction.offsets, prediction.spans, ground_truth.offsets, ground_truth.spans, reaches
    )


def boundary_f(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the F measure of every frame from :func:`match_counts`, ``(length,)`` in 0..1.

    Two empty boundaries agree (1), one empty boundary does not (0).
    """
    predicted, true, matched_predicted, matched_true = counts.T
    both = (predicted > 0) & (true > 0)
    scores = np.where((predicted == 0) & (true == 0), 1.0, 0.0)
    precision = matched_predicted[both] / predicted[both]
    recall = matched_true[both] / true[both]
    total = precision + recall
    scores[both] = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
    return scores
