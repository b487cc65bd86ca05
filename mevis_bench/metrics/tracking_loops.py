"""Compiled loops of the tracking metrics. Imported when first used: it imports numba.

Detections of a sequence lie in flat arrays, sorted by frame. A *block* is one frame in which both sides have some:
rows are true ones, columns predicted ones; its pairs follow each other row by row.
"""

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks.compiled import compiled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FIRST_TRUE, ROWS, FIRST_PREDICTED, COLUMNS, FIRST_PAIR = range(5)
"""Columns of a block."""


@compiled
def find_blocks(true_frames: Ints, predicted_frames: Ints) -> Ints:
    """Return the blocks ``(b, 5)``; both arrays are sorted."""
    blocks = np.empty((min(true_frames.size, predicted_frames.size), 5), np.int64)
    count, pairs, i, j = 0, 0, 0, 0
    while i < true_frames.size and j < predicted_frames.size:
        if true_frames[i] != predicted_frames[j]:
            if true_frames[i] < predicted_frames[j]:
                i += 1
            else:
                j += 1
            continue
        frame, first_i, first_j = true_frames[i], i, j
        while i < true_frames.size and true_frames[i] == frame:
            i += 1
        while j < predicted_frames.size and predicted_frames[j] == frame:
            j += 1
        block = blocks[count]
        block[FIRST_PAIR] = pairs
        block[FIRST_TRUE], block[ROWS] = first_i, i - first_i
        block[FIRST_PREDICTED], block[COLUMNS] = first_j, j - first_j
        pairs += (i - first_i) * (j - first_j)
        count += 1
    return blocks[:count].copy()


@compiled
def pair_up(blocks: Ints, pairs: int) -> tuple[Ints, Ints]:
    """Return the index of the true and of the predicted detection of every pair."""
    true, predicted = np.empty(pairs, np.int64), np.empty(pairs, np.int64)
    for block in blocks:
        k = block[FIRST_PAIR]
        for row in range(block[ROWS]):
            for column in range(block[COLUMNS]):
                true[k] = block[FIRST_TRUE] + row
                predicted[k] = block[FIRST_PREDICTED] + column
                k += 1
    return true, predicted


@compiled
def align(
    blocks: Ints, similarity: Floats, true_ids: Ints, predicted_ids: Ints, true_counts: Ints, predicted_counts: Ints
) -> Floats:
    """Return how well each two identities go together over the whole sequence, ``(true ids, predicted ids)``.

    In a block, a pair overlaps by its similarity over all the similarity that its row and its column have. The
    alignment is the Jaccard index of these overlaps.
    """
    together = np.zeros((true_counts.size, predicted_counts.size), np.float64)
    sum_of_column = np.empty(predicted_counts.size, np.float64)
    for block in blocks:
        rows, columns, first = block[ROWS], block[COLUMNS], block[FIRST_PAIR]
        sum_of_column[:columns] = 0.0
        for row in range(rows):
            for column in range(columns):
                sum_of_column[column] += similarity[first + row * columns + column]
        for row in range(rows):
            begin = first + row * columns
            sum_of_row = similarity[begin : begin + columns].sum()
            for column in range(columns):
                here = similarity[begin + column]
                union = sum_of_column[column] + sum_of_row - here
                if union > np.finfo(np.float64).eps:
                    true_id = true_ids[block[FIRST_TRUE] + row]
                    together[true_id, predicted_ids[block[FIRST_PREDICTED] + column]] += here / union
    for true in range(true_counts.size):
        for predicted in range(predicted_counts.size):
            shared = together[true, predicted]
            together[true, predicted] = shared / (true_counts[true] + predicted_counts[predicted] - shared)
    return together


@compiled
def best_is_free(score: Floats, rows: int, columns: int, turned: bool, taken: Ints, matches: Ints) -> bool:
    """Match every row to its best column; return whether that is the one best assignment.

    It is if the rows' maxima are strict and lie in different columns. A row without a positive score is left alone.
    ``matches`` ``(rows,)`` is filled with columns or -1. ``turned``: ``score`` lies column by column. ``taken`` is
    working memory.
    """
    taken[:columns] = 0
    for row in range(rows):
        best, value, ties = -1, 0.0, 0
        for column in range(columns):
            here = score[column * rows + row] if turned else score[row * columns + column]
            if here > value:
                best, value, ties = column, here, 1
            elif here == value:
                ties += 1
        matches[row] = best
        if best < 0:
            continue
        if ties > 1 or taken[best]:
            return False
        taken[best] = 1
    return True


@compiled
def match_blocks(blocks: Ints, score: Floats, true_detections: int, predicted_detections: int) -> tuple[Ints, Ints]:
    """Match true and predicted detections block by block for the best total score.

    Args:
        blocks: All blocks.
        score: Alignment x similarity of every pair.
        true_detections: How many there are.
        predicted_detections: How many there are.

    Returns:
        (the pair that each true detection got or -1, the blocks that need a real assignment).
    """
    match = np.full(true_detections, -1, np.int64)
    hard = np.empty(blocks.shape[0], np.int64)
    widest = max(true_detections, predicted_detections)
    taken, matches = np.empty(widest, np.int64), np.empty(widest, np.int64)
    count = 0
    for index in range(blocks.shape[0]):
        block = blocks[index]
        rows, columns, first, top = block[ROWS], block[COLUMNS], block[FIRST_PAIR], block[FIRST_TRUE]
        here = score[first : first + rows * columns]
        if best_is_free(here, rows, columns, False, taken, matches):
            for row in range(rows):
                if matches[row] >= 0:
                    match[top + row] = first + row * columns + matches[row]
        elif best_is_free(here, columns, rows, True, taken, matches):
            for column in range(columns):
                if matches[column] >= 0:
                    match[top + matches[column]] = first + matches[column] * columns + column
        else:
            hard[count] = index
            count += 1
    return match, hard[:count].copy()


@compiled
def count_matches(
    matched: Ints,
    similarity: Floats,
    true_of_match: Ints,
    predicted_of_match: Ints,
    true_counts: Ints,
    predicted_counts: Ints,
    alphas: Floats,
) -> tuple[Ints, Floats, Floats]:
    """Count one sequence's matches at every threshold.

    Args:
        matched: Pairs that were matched.
        similarity: Of every pair.
        true_of_match: True identity of every match.
        predicted_of_match: Predicted identity of every match.
        true_counts: Detections of every true identity.
        predicted_counts: Detections of every predicted identity.
        alphas: Thresholds.

    Returns:
        At every threshold: matches, their summed association accuracy, their summed similarity.
    """
    positives = np.zeros(alphas.size, np.int64)
    association, similar = np.zeros(alphas.size, np.float64), np.zeros(alphas.size, np.float64)
    together = np.zeros((true_counts.size, predicted_counts.size), np.int64)
    for a in range(alphas.size):
        together[:] = 0
        for k in range(matched.size):
            here = similarity[matched[k]]
            if here >= alphas[a] - np.finfo(np.float64).eps:
                positives[a] += 1
                similar[a] += here
                together[true_of_match[k], predicted_of_match[k]] += 1
        for true in range(true_counts.size):
            for predicted in range(predicted_counts.size):
                shared = together[true, predicted]
                if shared > 0:
                    union = true_counts[true] + predicted_counts[predicted] - shared
                    association[a] += shared * (shared / max(1, union))
    return positives, association, similar
