"""J, the region measure: intersection over union (DAVIS; the paper's section 5)."""

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks import MaskRows


def intersections(prediction: MaskRows, ground_truth: MaskRows) -> NDArray[np.int64]:
    """Return the number of pixels that both masks cover in every frame, ``(length,)``."""
    from mevis_bench.masks.row_loops import overlaps

    return overlaps(ground_truth.length, prediction.offsets, prediction.x, ground_truth.offsets, ground_truth.x)


def region_j(intersection: NDArray[np.int64], union: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return intersection over union of every frame, ``(length,)`` in 0..1; an empty union scores 1."""
    return np.divide(intersection, union, out=np.ones(union.shape, np.float64), where=union > 0)
