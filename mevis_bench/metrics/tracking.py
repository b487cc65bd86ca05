"""RMOT: the HOTA family on plain arrays, as TrackEval 1.3 computes it (Luiten et al., IJCV 2021).

DetA, AssA and HOTA = sqrt(DetA * AssA) are means over similarity thresholds. Detections are matched frame by frame for
the largest sum of box IoU times the alignment of the two identities over the whole sequence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import DataError, TrackPrediction

_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True, eq=False)
class SequenceCounts:
    """Counts of one sequence or of several together, ``(k,)`` each: one entry per similarity threshold.

    Attributes:
        tp: Matched detections.
        fn: True detections without a match.
        fp: Predicted detections without a match.
        association: Sum over the matches of TPA / (TPA + FNA + FPA).
        similarity: Sum over the matches of their IoU.
    """

    tp: NDArray[np.int64]
    fn: NDArray[np.int64]
    fp: NDArray[np.int64]
    association: NDArray[np.float64]
    similarity: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HotaScores:
    """Means over the similarity thresholds, in 0..1."""

    hota: float
    deta: float
    assa: float
    loca: float


def check_tracks(tracks: TrackPrediction, length: int, location: str) -> None:
    """Check that tracks are consistent.

    Raises:
        DataError: A frame is outside ``0..length - 1``, an identity has two boxes in a frame, a corner is not
            finite, or a box ends before it begins.
    """
    outside = tracks.frames[(tracks.frames < 0) | (tracks.frames >= length)]
    if outside.size:
        raise DataError(f"a box is in frame {outside[0]} of a video of {length}", location=location)
    if not np.isfinite(tracks.boxes).all():
        raise DataError("a box has a corner that is not a finite number", location=location)
    if (tracks.boxes[:, 2:] < tracks.boxes[:, :2]).any():
        raise DataError("a box ends before it begins; boxes are [x0, y0, x1, y1]", location=location)
    order = np.lexsort((tracks.ids, tracks.frames))
    duplicate = (np.diff(tracks.frames[order]) == 0) & (np.diff(tracks.ids[order]) == 0)
    if duplicate.any():
        k = order[np.argmax(duplicate)]
        raise DataError(f"identity {tracks.ids[k]} has two boxes in frame {tracks.frames[k]}", location=location)


def count_sequence(
    ground_truth: TrackPrediction, prediction: TrackPrediction, thresholds: Sequence[float], device: str = "cpu"
) -> SequenceCounts:
    """Match one sequence's predicted boxes with its true ones.

    Args:
        ground_truth: True boxes; empty: no target.
        prediction: Predicted boxes; empty: "no target".
        thresholds: Similarities from which two boxes count as a match, ``(k,)``.
        device: Where IoU is computed; the counts do not depend on it.

    Both must have passed :func:`check_tracks`.
    """
    from mevis_bench.metrics import tracking_loops as loops

    true, predicted = _Side.of(ground_truth), _Side.of(prediction)
    blocks = loops.find_blocks(true.frames, predicted.frames)
    pairs = int((blocks[:, loops.ROWS] * blocks[:, loops.COLUMNS]).sum())
    true_of_pair, predicted_of_pair = loops.pair_up(blocks, pairs)
    similarity = _similarities(true.boxes, predicted.boxes, true_of_pair, predicted_of_pair, device)
    alignment = loops.align(blocks, similarity, true.ids, predicted.ids, true.counts, predicted.counts)
    score = alignment[true.ids[true_of_pair], predicted.ids[predicted_of_pair]] * similarity
    match, hard = loops.match_blocks(blocks, score, len(true.frames), len(predicted.frames))
    for block in blocks[hard]:
        _assign(block, score, match)
    matched = match[match >= 0]
    positives, association, similar = loops.count_matches(
        matched,
        similarity,
        true.ids[true_of_pair[matched]],
        predicted.ids[predicted_of_pair[matched]],
        true.counts,
        predicted.counts,
        np.asarray(thresholds, np.float64),
    )
    return SequenceCounts(
        positives, len(true.frames) - positives, len(predicted.frames) - positives, association, similar
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One side's boxes sorted by frame, identities numbered from 0, and the number of boxes per identity."""

    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    boxes: NDArray[np.float64]
    counts: NDArray[np.int64]

    @staticmethod
    def of(tracks: TrackPrediction) -> "_Side":
        order = np.argsort(tracks.frames, kind="stable")
        _, ids, counts = np.unique(tracks.ids[order], return_inverse=True, return_counts=True)
        return _Side(tracks.frames[order], ids.astype(np.int64), tracks.boxes[order], counts.astype(np.int64))


def _similarities(
    true: NDArray[np.float64],
    predicted: NDArray[np.float64],
    true_of_pair: NDArray[np.int64],
    predicted_of_pair: NDArray[np.int64],
    device: str,
) -> NDArray[np.float64]:
    iou: NDArray[np.float64]
    if device == "cpu":
        iou = box_iou(true[true_of_pair], predicted[predicted_of_pair], np)
        return iou
    import torch

    on_device = [torch.from_numpy(array).to(device) for array in (true, predicted, true_of_pair, predicted_of_pair)]
    iou = box_iou(on_device[0][on_device[2]], on_device[1][on_device[3]], torch).cpu().numpy()
    return iou


def box_iou(a: Any, b: Any, arrays: Any) -> Any:
    """Return the IoU of ``a[k]`` and ``b[k]``, ``(n,)`` in 0..1; 0 where either box is empty.

    Args:
        a: ``(n, 4)``, ``x0, y0, x1, y1``, half-open, numpy or torch float64.
        b: The same.
        arrays: The module ``numpy`` or ``torch``.
    """
    wide = arrays.minimum(a[:, 2], b[:, 2]) - arrays.maximum(a[:, 0], b[:, 0])
    high = arrays.minimum(a[:, 3], b[:, 3]) - arrays.maximum(a[:, 1], b[:, 1])
    zero = arrays.zeros_like(wide)
    shared = arrays.maximum(wide, zero) * arrays.maximum(high, zero)
    area_a, area_b = ((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]) for box in (a, b))
    union = area_a + area_b - shared
    valid = (area_a > _EPSILON) & (area_b > _EPSILON) & (union > _EPSILON)
    return arrays.where(valid, shared, zero) / arrays.where(valid, union, zero + 1)


def _assign(block: NDArray[np.int64], score: NDArray[np.float64], match: NDArray[np.int64]) -> None:
    """Match one block in which several detections have the same best partner."""
    from scipy.optimize import linear_sum_assignment

    top, rows, _, columns, first = block.tolist()
    matrix = score[first : first + rows * columns].reshape(rows, columns)
    for row, column in zip(*linear_sum_assignment(-matrix), strict=True):
        if matrix[row, column] > 0:
            match[top + row] = first + row * columns + column


def combined(counts: Sequence[SequenceCounts]) -> SequenceCounts:
    """Return the sums over at least one sequence: every detection weighs the same (TrackEval's COMBINED)."""
    zero = np.zeros(counts[0].tp.size, np.int64)
    return SequenceCounts(
        sum((sequence.tp for sequence in counts), zero),
        sum((sequence.fn for sequence in counts), zero),
        sum((sequence.fp for sequence in counts), zero),
        sum((sequence.association for sequence in counts), zero.astype(np.float64)),
        sum((sequence.similarity for sequence in counts), zero.astype(np.float64)),
    )


def perfect_track(length: int, thresholds: int) -> SequenceCounts:
    """Return the counts, at ``thresholds`` thresholds, of one object in ``length`` frames, tracked perfectly."""
    ones = np.ones(thresholds, np.int64)
    whole = (ones * length).astype(np.float64)
    return SequenceCounts(ones * length, ones * 0, ones * 0, whole, whole)


def hota_scores(counts: SequenceCounts) -> HotaScores:
    """Return the metrics of counted matches. Without any box HOTA is 0 and LocA 1, as in TrackEval."""
    deta = counts.tp / np.maximum(1, counts.tp + counts.fn + counts.fp)
    assa = counts.association / np.maximum(1, counts.tp)
    loca = np.maximum(1e-10, counts.similarity) / np.maximum(1e-10, counts.tp)
    hota = np.sqrt(deta * assa)
    return HotaScores(float(hota.mean()), float(deta.mean()), float(assa.mean()), float(loca.mean()))
