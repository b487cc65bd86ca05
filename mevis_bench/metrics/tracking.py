"""RMOT: the HOTA family on plain arrays, as TrackEval 1.3 computes it (Luiten et al., IJCV 2021).

DetA, AssA and HOTA = sqrt(DetA * AssA) are means over similarity thresholds. Detections are matched frame by frame for
the largest sum of box IoU times the alignment of the two identities over the whole sequence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mevis_bench.metrics.track_pairs import TrackPairs
from mevis_bench.records import DataError, TrackPrediction


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
    ground_truth: TrackPrediction, prediction: TrackPrediction, thresholds: Sequence[float]
) -> SequenceCounts:
    """Match one sequence's predicted boxes with its true ones, as :func:`count_hota` does.

    Args:
        ground_truth: True boxes; empty: no target.
        prediction: Predicted boxes; empty: "no target".
        thresholds: Similarities from which two boxes count as a match, rising, ``(k,)``.

    Both must have passed :func:`check_tracks`.
    """
    return count_hota(TrackPairs.of(ground_truth, prediction), thresholds)


def count_hota(pairs: TrackPairs, thresholds: Sequence[float]) -> SequenceCounts:
    """Match the boxes of one sequence and count the matches at every threshold.

    Args:
        pairs: Both sides of the sequence.
        thresholds: Similarities from which two boxes count as a match, rising, ``(k,)``.
    """
    from mevis_bench.metrics import assignment_loops, tracking_loops

    true, predicted = pairs.true, pairs.predicted
    of_pair = pairs.true_of_pair, pairs.predicted_of_pair
    score = tracking_loops.score_pairs(
        pairs.blocks, *of_pair, pairs.similarity, true.ids, predicted.ids, true.counts, predicted.counts
    )
    match, open_blocks = assignment_loops.match_blocks(
        pairs.blocks, *of_pair, score, len(true.frames), len(predicted.frames)
    )
    for index in open_blocks.tolist():
        pairs.assign(pairs.blocks[index], score, match)
    positives, association, similar = tracking_loops.count_matches(
        match,
        *of_pair,
        pairs.similarity,
        true.ids,
        predicted.ids,
        true.counts,
        predicted.counts,
        np.asarray(thresholds, np.float64),
    )
    return SequenceCounts(
        positives, len(true.frames) - positives, len(predicted.frames) - positives, association, similar
    )


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
    hota, deta, assa, loca = (float(score.mean()) for score in threshold_scores(counts))
    return HotaScores(hota, deta, assa, loca)


def threshold_scores(counts: SequenceCounts) -> tuple[NDArray[np.float64], ...]:
    """Return HOTA, DetA, AssA and LocA of counts at every threshold, ``(..., k)`` each."""
    deta = counts.tp / np.maximum(1, counts.tp + counts.fn + counts.fp)
    assa = counts.association / np.maximum(1, counts.tp)
    loca = np.maximum(1e-10, counts.similarity) / np.maximum(1e-10, counts.tp)
    return np.sqrt(deta * assa), deta, assa, loca
