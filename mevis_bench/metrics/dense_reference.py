"""J and F from dense masks, the slow way: the reference of ``score --verify``.

Written from the definitions and sharing no code with the fast implementation; distances are SciPy's exact
Euclidean transform.
Axes: t frames, h rows, w columns.
"""

import math

import numpy as np
from numpy.typing import NDArray

Masks = NDArray[np.bool_]


def reference_scores(prediction: Masks, ground_truth: Masks, tolerance: float) -> tuple[float, float]:
    """Return J and F of one expression, frame by frame, mean over all frames.

    Args:
        prediction: bool ``(t, h, w)``.
        ground_truth: bool ``(t, h, w)``.
        tolerance: Largest distance of matching boundary pixels, as a share of the frame's diagonal.
    """
    pairs = list(zip(prediction, ground_truth, strict=True))
    return (
        float(np.mean(np.array([_jaccard(*pair) for pair in pairs]))),
        float(np.mean(np.array([_boundary_f(*pair, tolerance) for pair in pairs]))),
    )


def _jaccard(prediction: Masks, ground_truth: Masks) -> float:
    union = int((prediction | ground_truth).sum())
    return int((prediction & ground_truth).sum()) / union if union else 1.0


def _boundary_f(prediction: Masks, ground_truth: Masks, tolerance: float) -> float:
    radius = math.ceil(tolerance * math.hypot(*ground_truth.shape))
    edges_predicted, edges_true = _edges(prediction), _edges(ground_truth)
    if not edges_predicted.any() or not edges_true.any():
        return float(edges_predicted.any() == edges_true.any())
    precision = float(np.mean(_distance_to(edges_true)[edges_predicted] <= radius))
    recall = float(np.mean(_distance_to(edges_predicted)[edges_true] <= radius))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _edges(mask: Masks) -> Masks:
    """Mark pixels that differ from the right, lower or lower right one; at the border only existing neighbors count."""
    edges = np.zeros_like(mask)
    edges[:, :-1] |= mask[:, :-1] != mask[:, 1:]
    edges[:-1] |= mask[:-1] != mask[1:]
    edges[:-1, :-1] |= mask[:-1, :-1] != mask[1:, 1:]
    return edges


def _distance_to(edges: Masks) -> NDArray[np.float64]:
    from scipy.ndimage import distance_transform_edt

    distance: NDArray[np.float64] = distance_transform_edt(~edges)
    return distance
