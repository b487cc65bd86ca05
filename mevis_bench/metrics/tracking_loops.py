"""Compiled loops of the tracking metrics. Imported when first used: it imports numba.

Detections of a sequence lie in flat arrays, sorted by frame. A *block* is one frame in which both sides have some. A
*pair* is a true and a predicted detection of one frame that overlap; pairs lie block by block, then by true, then by
predicted detection. Most detections of a frame do not overlap, so pairs are far fewer than products.
"""

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks.compiled import compiled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FIRST_TRUE, ROWS, FIRST_PREDICTED, COLUMNS, FIRST_PAIR, END_PAIR = range(6)
"""Columns of a block."""

EPSILON = float(np.finfo(np.float64).eps)


@compiled
def arrange(frames: Ints, ids: Ints, boxes: Floats, order: Ints) -> tuple[Ints, Ints, Floats, Ints]:
    """Bring detections into an order and number their identities.

    Args:
        frames: ``(n,)``.
        ids: ``(n,)``.
        boxes: ``(n, 4)``, ``x0, y0, x1, y1``.
        order: Index of every detection, by frame.

    Returns:
        (frames, ids from 0 in the order of the numbers, boxes ``(4, n)``, detections of each identity); no identities
        where their numbers are too far apart for a table.
    """
    n = frames.size
    sorted_frames, sorted_ids, sides = np.empty(n, np.int64), np.empty(n, np.int64), np.empty((4, n), np.float64)
    least, most = (ids[0], ids[0]) if n > 0 else (0, -1)
    for one in ids:
        least, most = min(least, one), max(most, one)
    if least < -n or most > 8 * n + 64:
        return sorted_frames, sorted_ids, sides, np.zeros(0, np.int64)
    table = np.zeros(most - least + 1, np.int64)
    for one in ids:
        table[one - least] += 1
    counts, rank = np.empty(n, np.int64), 0
    for k in range(table.size):
        if table[k] > 0:
            counts[rank], table[k] = table[k], rank
            rank += 1
    for k in range(n):
        source = order[k]
        sorted_frames[k], sorted_ids[k] = frames[source], table[ids[source] - least]
        for side in range(4):
            sides[side, k] = boxes[source, side]
    return sorted_frames, sorted_ids, sides, counts[:rank]


@compiled
def find_pairs(
    true_frames: Ints, true_boxes: Floats, predicted_frames: Ints, predicted_boxes: Floats
) -> tuple[Ints, Ints, Ints, Floats]:
    """Find the blocks, and the pairs whose IoU is positive.

    IoU is TrackEval's ``_calculate_box_ious``: 0 where either box is empty.

    Returns:
        (blocks ``(b, 6)``, true detection of each pair, predicted detection of each pair, IoU of each pair).
    """
    blocks = np.empty((min(true_frames.size, predicted_frames.size), 6), np.int64)
    count, most, i, j = 0, 0, 0, 0
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
        block[FIRST_TRUE], block[ROWS] = first_i, i - first_i
        block[FIRST_PREDICTED], block[COLUMNS] = first_j, j - first_j
        most += (i - first_i) * (j - first_j)
        count += 1
    blocks = blocks[:count]
    true, predicted, similarity = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.float64)
    x0s, y0s, x1s, y1s = predicted_boxes[0], predicted_boxes[1], predicted_boxes[2], predicted_boxes[3]
    near = np.empty(predicted_frames.size, np.int64)
    k = 0
    for block in blocks:
        block[FIRST_PAIR] = k
        for row in range(block[FIRST_TRUE], block[FIRST_TRUE] + block[ROWS]):
            x0, y0, x1, y1 = true_boxes[0, row], true_boxes[1, row], true_boxes[2, row], true_boxes[3, row]
            candidates = 0
            for column in range(block[FIRST_PREDICTED], block[FIRST_PREDICTED] + block[COLUMNS]):
                near[candidates] = column  # kept by the next line where the boxes overlap; a branch would be slower
                candidates += (x0s[column] < x1) & (x1s[column] > x0) & (y0s[column] < y1) & (y1s[column] > y0)
            area = (x1 - x0) * (y1 - y0)
            for column in near[:candidates]:
                other = (x1s[column] - x0s[column]) * (y1s[column] - y0s[column])
                width = min(x1, x1s[column]) - max(x0, x0s[column])
                shared = width * (min(y1, y1s[column]) - max(y0, y0s[column]))
                union = area + other - shared
                if area > EPSILON and other > EPSILON and union > EPSILON and shared > 0.0:
                    true[k], predicted[k], similarity[k] = row, column, shared / union
                    k += 1
        block[END_PAIR] = k
    return blocks, true[:k], predicted[:k], similarity[:k]


@compiled
def sum_in_pairs(values: Floats) -> float:
    """Return the sum in the order in which numpy adds, so that scores equal TrackEval's to the last bit.

    Below 8 values one after the other, up to 128 in eight partial sums, above in halves that are multiples of 8.
    """
    n, total = values.size, 0.0
    if n < 8:
        for value in values:
            total += value
        return total
    if n > 128:
        half = n // 2 - (n // 2) % 8
        return sum_in_pairs(values[:half]) + sum_in_pairs(values[half:])
    parts = values[:8].copy()
    whole = n - n % 8
    for k in range(8, whole):
        parts[k % 8] += values[k]
    total += ((parts[0] + parts[1]) + (parts[2] + parts[3])) + ((parts[4] + parts[5]) + (parts[6] + parts[7]))
    for k in range(whole, n):
        total += values[k]
    return float(total)


@compiled
def score_pairs(
    blocks: Ints,
    true: Ints,
    predicted: Ints,
    similarity: Floats,
    true_ids: Ints,
    predicted_ids: Ints,
    true_counts: Ints,
    predicted_counts: Ints,
) -> Floats:
    """Return similarity x alignment of every pair, by which HOTA matches.

    The alignment says how well two identities go together over the whole sequence: in a block, a pair overlaps by its
    similarity over all the similarity that its two detections have, and the alignment is the Jaccard index of these
    overlaps.
    """
    together = np.zeros((true_counts.size, predicted_counts.size), np.float64)
    of_column, dense = np.zeros(predicted_ids.size, np.float64), np.zeros(predicted_ids.size, np.float64)
    for block in blocks:
        begin, end = block[FIRST_PAIR], block[END_PAIR]
        for k in range(begin, end):
            of_column[predicted[k]] += similarity[k]
        first = begin
        while first < end:
            last, of_row = first, 0.0
            while last < end and true[last] == true[first]:
                of_row += similarity[last]
                last += 1
            if last - first > 2:  # only then the order of the sum matters
                for k in range(first, last):
                    dense[predicted[k]] = similarity[k]
                top = block[FIRST_PREDICTED]
                of_row = sum_in_pairs(dense[top : top + block[COLUMNS]])
                for k in range(first, last):
                    dense[predicted[k]] = 0.0
            for k in range(first, last):
                union = of_column[predicted[k]] + of_row - similarity[k]
                if union > EPSILON:
                    together[true_ids[true[k]], predicted_ids[predicted[k]]] += similarity[k] / union
            first = last
    for one in range(true_counts.size):
        for other in range(predicted_counts.size):
            shared = together[one, other]
            if shared > 0.0:
                together[one, other] = shared / (true_counts[one] + predicted_counts[other] - shared)
    score = np.empty(similarity.size, np.float64)
    for k in range(similarity.size):
        score[k] = together[true_ids[true[k]], predicted_ids[predicted[k]]] * similarity[k]
    return score


@compiled
def count_matches(
    match: Ints,
    true: Ints,
    predicted: Ints,
    similarity: Floats,
    true_ids: Ints,
    predicted_ids: Ints,
    true_counts: Ints,
    predicted_counts: Ints,
    alphas: Floats,
) -> tuple[Ints, Floats, Floats]:
    """Count one sequence's matches at every threshold.

    Args:
        match: The pair of every true detection, -1: none.
        true: True detection of every pair.
        predicted: Predicted detection of every pair.
        similarity: Of every pair.
        true_ids: Identity of every true detection.
        predicted_ids: Identity of every predicted detection.
        true_counts: Detections of every true identity.
        predicted_counts: Detections of every predicted identity.
        alphas: Thresholds, rising.

    Returns:
        At every threshold: matches, their summed association accuracy, their summed similarity.
    """
    positives = np.zeros(alphas.size, np.int64)
    association, similar = np.zeros(alphas.size, np.float64), np.zeros(alphas.size, np.float64)
    seen = np.full((true_counts.size, predicted_counts.size), -1, np.int64)
    together = np.zeros((match.size, alphas.size), np.int64)  # by two identities that match, and by threshold
    firsts = np.empty(match.size, np.int64)
    met = 0
    for k in match:
        if k < 0:
            continue
        one, other = true_ids[true[k]], predicted_ids[predicted[k]]
        if seen[one, other] < 0:
            seen[one, other], firsts[met] = met, k
            met += 1
        for a in range(alphas.size):
            if similarity[k] < alphas[a] - EPSILON:
                break
            positives[a] += 1
            similar[a] += similarity[k]
            together[seen[one, other], a] += 1
    for m in range(met):
        one, other = true_ids[true[firsts[m]]], predicted_ids[predicted[firsts[m]]]
        for a in range(alphas.size):
            shared = together[m, a]
            if shared > 0:
                association[a] += shared * (shared / max(1, true_counts[one] + predicted_counts[other] - shared))
    return positives, association, similar
