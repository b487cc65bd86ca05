"""True and predicted boxes of one sequence, arranged for the tracking metrics, which share their overlaps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import TrackPrediction

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TrackSide:
    """One side's boxes, sorted by frame.

    Attributes:
        frames: ``(n,)``.
        ids: ``(n,)``, identities numbered from 0.
        boxes: ``(4, n)``, ``x0, y0, x1, y1`` in pixels.
        counts: Number of boxes of every identity.
    """

    frames: Ints
    ids: Ints
    boxes: Floats
    counts: Ints

    @staticmethod
    def of(tracks: TrackPrediction) -> "TrackSide":
        """Arrange tracks that have passed ``check_tracks``."""
        from mevis_bench.metrics.tracking_loops import arrange

        order, boxes = np.argsort(tracks.frames, kind="stable"), np.ascontiguousarray(tracks.boxes)
        side = arrange(tracks.frames, tracks.ids, boxes, order)
        if tracks.ids.size and not side[-1].size:
            _, ids = np.unique(tracks.ids, return_inverse=True)
            side = arrange(tracks.frames, ids.astype(np.int64), boxes, order)
        return TrackSide(*side)


@dataclass(frozen=True, slots=True, eq=False)
class TrackPairs:
    """Both sides of a sequence, and every true and predicted box of one frame that overlap.

    Attributes:
        true: True boxes.
        predicted: Predicted boxes.
        blocks: Frames in which both sides have a box, ``(b, 6)``; columns are named in ``tracking_loops``.
        true_of_pair: Index of each pair's true box, rising.
        predicted_of_pair: Index of each pair's predicted box, rising for one true box.
        similarity: IoU of each pair, more than 0.
    """

    true: TrackSide
    predicted: TrackSide
    blocks: Ints
    true_of_pair: Ints
    predicted_of_pair: Ints
    similarity: Floats

    @staticmethod
    def of(ground_truth: TrackPrediction, prediction: TrackPrediction) -> "TrackPairs":
        """Find the pairs of tracks that have passed ``check_tracks``; either side may be empty."""
        from mevis_bench.metrics.tracking_loops import find_pairs

        true, predicted = TrackSide.of(ground_truth), TrackSide.of(prediction)
        return TrackPairs(true, predicted, *find_pairs(true.frames, true.boxes, predicted.frames, predicted.boxes))

    def assign(self, block: Ints, score: Floats, match: Ints) -> None:
        """Match one block by ``scipy``, as TrackEval does: for the largest sum of scores, among equals its choice.

        Args:
            block: One of ``blocks``.
            score: Score of every pair; a pair without a positive score is not matched.
            match: Written: the pair of every true box of the block that is matched.
        """
        from scipy.optimize import linear_sum_assignment

        top, rows, left, columns, first, end = block.tolist()
        pairs = np.full((rows, columns), -1, np.int64)
        matrix = np.zeros((rows, columns))
        at = self.true_of_pair[first:end] - top, self.predicted_of_pair[first:end] - left
        pairs[at], matrix[at] = np.arange(first, end), score[first:end]
        matched = linear_sum_assignment(-matrix)
        kept = matrix[matched] > 0
        match[top + matched[0][kept]] = pairs[matched][kept]
