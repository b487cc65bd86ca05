"""CLEAR (Bernardin and Stiefelhagen, 2008) and Identity (Ristani et al., 2016), as TrackEval 1.3 computes them.

CLEAR matches frame by frame and prefers the identities of the frame before; Identity matches whole tracks one to one.
Both take two boxes as a match from an IoU of 0.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mevis_bench.metrics.track_pairs import TrackPairs

THRESHOLD = 0.5
"""Smallest IoU of a match."""


@dataclass(frozen=True, slots=True)
class ClearCounts:
    """Counts of CLEAR and Identity of one sequence or of several together.

    Attributes:
        true: True boxes.
        predicted: Predicted boxes.
        tp: Boxes matched by CLEAR.
        similarity: Sum of their IoU.
        switches: Matches in which a true identity has another predicted one than the last time.
        idtp: Boxes matched by Identity.
    """

    true: int
    predicted: int
    tp: int
    similarity: float
    switches: int
    idtp: int


@dataclass(frozen=True, slots=True)
class ClearScores:
    """Scores of CLEAR and Identity.

    Attributes:
        mota: 1 minus misses, false boxes and switches per true box; at most 1, may be negative. Without true boxes the
            false ones count as they are, as in TrackEval.
        motp: Mean IoU of the matches, in 0..1; 0 without one.
        switches: Number of identity switches.
        idf1: F1 of boxes matched by Identity, in 0..1; 0 without any box.
    """

    mota: float
    motp: float
    switches: int
    idf1: float


def count_clear(pairs: TrackPairs) -> ClearCounts:
    """Match the boxes of one sequence twice, by CLEAR and by Identity; either side may be empty."""
    from mevis_bench.metrics.clear_loops import match_onwards

    true, predicted = pairs.true, pairs.predicted
    match = np.full(true.frames.size, -1, np.int64)
    score, following = np.zeros(pairs.similarity.size), np.full(pairs.similarity.size, -1, np.int64)
    parents = np.arange(true.frames.size + predicted.frames.size)
    latest, before = (np.full(true.counts.size, -1, np.int64) for _ in range(2))
    switches, block, solved = 0, 0, False
    while True:
        block, switched = match_onwards(
            block,
            solved,
            pairs.blocks,
            pairs.true_of_pair,
            pairs.predicted_of_pair,
            pairs.similarity,
            THRESHOLD,
            true.ids,
            predicted.ids,
            latest,
            before,
            score,
            match,
            parents,
            following,
        )
        switches += switched
        if block == len(pairs.blocks):
            break
        pairs.assign(pairs.blocks[block], score, match)
        solved = True
    matched = match[match >= 0]
    return ClearCounts(
        true=true.frames.size,
        predicted=predicted.frames.size,
        tp=matched.size,
        similarity=float(pairs.similarity[matched].sum()),
        switches=switches,
        idtp=_identity_matches(pairs),
    )


def _identity_matches(pairs: TrackPairs) -> int:
    """Return the boxes in common of the best one-to-one assignment of tracks."""
    from scipy.optimize import linear_sum_assignment

    from mevis_bench.metrics.clear_loops import count_overlaps

    frames = count_overlaps(
        pairs.true_of_pair,
        pairs.predicted_of_pair,
        pairs.similarity,
        THRESHOLD,
        pairs.true.ids,
        pairs.predicted.ids,
        pairs.true.counts.size,
        pairs.predicted.counts.size,
    )
    return int(frames[linear_sum_assignment(frames, maximize=True)].sum())


def combined_clear(counts: Sequence[ClearCounts]) -> ClearCounts:
    """Return the sums over sequences."""
    return ClearCounts(
        sum(one.true for one in counts),
        sum(one.predicted for one in counts),
        sum(one.tp for one in counts),
        sum(one.similarity for one in counts),
        sum(one.switches for one in counts),
        sum(one.idtp for one in counts),
    )


def clear_scores(counts: ClearCounts) -> ClearScores:
    """Return the scores of counted matches."""
    mota, motp, idf1 = clear_ratios(
        counts.true, counts.predicted, counts.tp, counts.similarity, counts.switches, counts.idtp
    )
    return ClearScores(float(mota), float(motp), counts.switches, float(idf1))


def clear_ratios(
    true: ArrayLike, predicted: ArrayLike, tp: ArrayLike, similarity: ArrayLike, switches: ArrayLike, idtp: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return MOTA, MOTP and IDF1 of counts (see :class:`ClearCounts`) of one shape, which the results have, too."""
    boxes, answers, matches = np.asarray(true), np.asarray(predicted), np.asarray(tp)
    return (
        np.asarray((2 * matches - answers - np.asarray(switches)) / np.maximum(1, boxes)),
        np.asarray(np.asarray(similarity) / np.maximum(1, matches)),
        np.asarray(np.asarray(idtp) / np.maximum(1.0, (boxes + answers) / 2)),
    )
