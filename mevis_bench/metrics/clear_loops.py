"""Compiled loops of CLEAR and Identity. ``tracking_loops`` says what blocks and pairs are."""

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks.compiled import compiled
from mevis_bench.metrics.assignment_loops import match_block
from mevis_bench.metrics.tracking_loops import END_PAIR, EPSILON, FIRST_PAIR, FIRST_TRUE, ROWS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

KEPT_IDENTITY = 1000.0
"""Score for keeping the identity of the frame before: more than all similarity of a frame (TrackEval)."""


@compiled
def match_onwards(
    start: int,
    solved: bool,
    blocks: Ints,
    true: Ints,
    predicted: Ints,
    similarity: Floats,
    threshold: float,
    true_ids: Ints,
    predicted_ids: Ints,
    latest: Ints,
    before: Ints,
    score: Floats,
    match: Ints,
    parents: Ints,
    following: Ints,
) -> tuple[int, int]:
    """Match block after block, each with a preference for the identities of the block before, and count switches.

    A true identity switches where its match has another identity than its latest one.

    Args:
        start: First block.
        solved: Whether ``match`` has the matches of ``start`` already.
        blocks: All blocks.
        true: True detection of every pair.
        predicted: Predicted detection of every pair.
        similarity: IoU of every pair.
        threshold: Similarity from which two detections may match.
        true_ids: Identity of every true detection.
        predicted_ids: Identity of every predicted detection.
        latest: Read and written: the last predicted identity of every true identity, -1: none yet.
        before: Read and written: the same, of the block before only.
        score: Written: score of every pair.
        match: Written: the pair of every true detection.
        parents: Working memory of ``match_block``.
        following: Working memory of ``match_block``.

    Returns:
        (the block that requires ``scipy``, with its scores written, or the number of blocks; switches).
    """
    switches = 0
    for index in range(start, len(blocks)):
        begin, end = blocks[index, FIRST_PAIR], blocks[index, END_PAIR]
        if index > start or not solved:
            for k in range(begin, end):
                kept = before[true_ids[true[k]]] == predicted_ids[predicted[k]]
                bonus = KEPT_IDENTITY if kept else 0.0
                score[k] = 0.0 if similarity[k] < threshold - EPSILON else bonus + similarity[k]
            if not match_block(begin, end, true, predicted, score, match, parents, following):
                return index, switches
        before[:] = -1
        for row in range(blocks[index, FIRST_TRUE], blocks[index, FIRST_TRUE] + blocks[index, ROWS]):
            if match[row] >= 0:
                one, other = true_ids[row], predicted_ids[predicted[match[row]]]
                switches += latest[one] >= 0 and latest[one] != other
                latest[one] = before[one] = other
    return len(blocks), switches


@compiled
def count_overlaps(
    true: Ints,
    predicted: Ints,
    similarity: Floats,
    threshold: float,
    true_ids: Ints,
    predicted_ids: Ints,
    num_true: int,
    num_predicted: int,
) -> Ints:
    """Return in how many frames each two identities overlap by at least ``threshold``, ``(true, predicted ids)``."""
    frames = np.zeros((num_true, num_predicted), np.int64)
    for k in range(similarity.size):
        if similarity[k] >= threshold:
            frames[true_ids[true[k]], predicted_ids[predicted[k]]] += 1
    return frames
