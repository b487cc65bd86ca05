"""Points against masks: precision, recall, F1 and HOTA of answers that point at objects.

Protocol ``lmms_eval`` equals the first stage of lmms-eval's ``rvos_*`` tasks (``tasks/rvos/utils.py``, MIT), which is
Molmo 2's: per scored frame, predicted points are assigned to reference points of the visible objects by distance; a
point is right inside a mask. That code looks up the mask by the number of the visible object among *all* objects, and
divides by the number of all objects, so a frame with an absent object is misjudged. Protocol ``visible`` takes the
assigned object's own mask and divides by the visible objects. Axes: h rows, w columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mevis_bench.metrics.protocols import PointProtocol
from mevis_bench.records import GroundTruth
from mevis_bench.records.prediction import Points

POINT_PROTOCOLS: tuple[PointProtocol, ...] = ("lmms_eval", "visible")

_EPSILON = 1e-10
"""Added to the denominator of F1 by lmms-eval."""


@dataclass(frozen=True, slots=True, eq=False)
class PointTruth:
    """Ground truth of one expression.

    Attributes:
        references: Reference point of every visible object, for every scored frame; objects are named by their index.
        masks: For every scored frame the masks of all objects, bool ``(n, h, w)``.
    """

    references: Points
    masks: Mapping[int, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class PointScores:
    """Scores of one answer, fractions.

    Attributes:
        precision: Mean over frames of the share of right points.
        recall: Mean over frames of the share of objects that a right point was assigned to.
        f1: Mean over frames of the harmonic mean of both.
        hota: HOTA where a point and an object are similar (1) if it is inside its mask, else not (0).
    """

    precision: float
    recall: float
    f1: float
    hota: float


def reference_point(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the pixel of a mask ``(h, w)`` that is farthest from its outline, ``x, y``; the first of equal ones.

    Data sets of points have references of their own; this one is for those with masks only.
    """
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(column), float(row)


def make_truth(masks: Mapping[int, NDArray[np.bool_]]) -> PointTruth:
    """Return the ground truth of masks, bool ``(n, h, w)`` by scored frame."""
    references = {
        frame: {str(index): reference_point(mask) for index, mask in enumerate(objects) if mask.any()}
        for frame, objects in masks.items()
    }
    return PointTruth(references, masks)


def sampled_truth(truth: GroundTruth, step: int) -> PointTruth:
    """Return the ground truth of every ``step``-th frame, from the first one.

    Raises:
        DataError: A mask is broken.
    """
    masks: dict[int, NDArray[np.bool_]] = {}
    for frame in range(0, truth.length, step):
        objects = np.zeros((len(truth.objects), truth.height, truth.width), bool)
        for number, rles in enumerate(truth.objects):
            rle = rles[frame]
            if rle is not None:
                objects[number] = rle.decode(f"{truth.sample}, frame {frame}")
        masks[frame] = objects
    return make_truth(masks)


def score_points(predicted: Points, truth: PointTruth, protocol: PointProtocol) -> PointScores:
    """Score one answer; predicted points in frames that are not scored do not count.

    Without scored frames precision, recall and F1 are 1, as in lmms-eval.
    """
    frames = sorted(truth.references)
    rows = [_score_frame(predicted.get(frame, {}), truth, frame, protocol) for frame in frames]
    precision, recall, f1 = (np.mean(rows, 0) if rows else np.ones(3)).tolist()
    return PointScores(precision, recall, f1, _hota(predicted, truth, frames))


def _inside(point: tuple[float, float], mask: NDArray[np.bool_]) -> bool:
    column, row = round(point[0]), round(point[1])
    height, width = mask.shape
    return 0 <= column < width and 0 <= row < height and bool(mask[row, column])


def _score_frame(
    points: Mapping[str, tuple[float, float]], truth: PointTruth, frame: int, protocol: PointProtocol
) -> tuple[float, float, float]:
    from scipy.optimize import linear_sum_assignment

    references, masks = truth.references[frame], truth.masks[frame]
    if not references:
        return (float(not points),) * 3
    if not points:
        return 0.0, 0.0, 0.0
    places = list(points.values())
    offsets = np.array(places)[:, None] - np.array(list(references.values()))[None]
    assigned = zip(*linear_sum_assignment(np.linalg.norm(offsets, axis=-1)), strict=True)
    objects = [int(name) for name in references] if protocol == "visible" else list(range(len(masks)))
    right = sum(_inside(places[row], masks[objects[column]]) for row, column in assigned)
    precision = right / len(places)
    recall = right / (len(references) if protocol == "visible" else len(masks))
    both = precision + recall
    return precision, recall, 2 * precision * recall / (both + _EPSILON) if both else 0.0


def _hota(predicted: Points, truth: PointTruth, frames: Sequence[int]) -> float:
    """HOTA of 0/1 similarities, the same at every threshold; 1 without points and references, 0 without one of them."""
    from scipy.optimize import linear_sum_assignment

    names = sorted({name for named in predicted.values() for name in named})
    objects = sorted({name for named in truth.references.values() for name in named})
    similar = [_similarity(predicted.get(frame, {}), truth, frame) for frame in frames]
    truths = sum(len(truth.references[frame]) for frame in frames)
    answers = sum(len(predicted.get(frame, {})) for frame in frames)
    if not truths or not answers:
        return float(truths == answers)
    potential = np.zeros((len(objects), len(names)))
    counts = [np.zeros((len(objects), 1)), np.zeros((1, len(names)))]
    places = []
    for frame, similarity in zip(frames, similar, strict=True):
        rows = np.array([objects.index(name) for name in sorted(truth.references[frame])], np.int64)
        columns = np.array([names.index(name) for name in sorted(predicted.get(frame, {}))], np.int64)
        places.append((rows, columns))
        total = similarity.sum(0)[None] + similarity.sum(1)[:, None] - similarity
        potential[np.ix_(rows, columns)] += np.divide(similarity, total, out=np.zeros_like(total), where=total > 0)
        counts[0][rows] += 1
        counts[1][0, columns] += 1
    alignment = potential / (counts[0] + counts[1] - potential + np.finfo(float).eps)
    matches = np.zeros_like(potential)
    for (rows, columns), similarity in zip(places, similar, strict=True):
        chosen = linear_sum_assignment(-(alignment[np.ix_(rows, columns)] * similarity))
        for row, column in zip(*chosen, strict=True):
            matches[rows[row], columns[column]] += similarity[row, column] > 0
    hits = matches.sum()
    association = (matches * matches / np.maximum(1, counts[0] + counts[1] - matches)).sum() / max(1.0, hits)
    return float(np.sqrt(hits / (truths + answers - hits) * association))


def _similarity(points: Mapping[str, tuple[float, float]], truth: PointTruth, frame: int) -> NDArray[np.float64]:
    references, masks = truth.references[frame], truth.masks[frame]
    table = [[_inside(points[name], masks[int(index)]) for name in sorted(points)] for index in sorted(references)]
    return np.array(table, np.float64).reshape(len(references), len(points))
