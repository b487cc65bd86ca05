"""Compiled matching of true and predicted detections, frame by frame, for the largest total score.

Detections that overlap form small groups, and a search finds the best assignment of each group. Where none is clearly
the best, the block is left to ``scipy``, whose choice among equals is TrackEval's. ``tracking_loops`` says what blocks
and pairs are.
"""

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks.compiled import compiled
from mevis_bench.metrics.tracking_loops import END_PAIR, FIRST_PAIR

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MARGIN = 1e-9
"""Assignments whose total scores are closer than this are not told apart here."""
MAX_STEPS = 2000
"""Steps of the search in one group; larger groups are left to ``scipy``."""


@compiled
def match_blocks(
    blocks: Ints, true: Ints, predicted: Ints, score: Floats, num_true: int, num_predicted: int
) -> tuple[Ints, Ints]:
    """Match the detections of every block; a pair without a positive score is never matched.

    Args:
        blocks: All blocks.
        true: True detection of every pair.
        predicted: Predicted detection of every pair.
        score: Score of every pair.
        num_true: Number of true detections.
        num_predicted: Number of predicted detections.

    Returns:
        (the pair that each true detection got or -1, the blocks that require ``scipy``; their detections have -1).
    """
    match = np.full(num_true, -1, np.int64)
    parents, following = np.arange(num_true + num_predicted), np.full(score.size, -1, np.int64)
    hard = np.empty(len(blocks), np.int64)
    count = 0
    for index in range(len(blocks)):
        begin, end = blocks[index, FIRST_PAIR], blocks[index, END_PAIR]
        if not match_block(begin, end, true, predicted, score, match, parents, following):
            hard[count] = index
            count += 1
    return match, hard[:count].copy()


@compiled
def match_block(
    begin: int,
    end: int,
    true: Ints,
    predicted: Ints,
    score: Floats,
    match: Ints,
    parents: Ints,
    following: Ints,
) -> bool:
    """Match the pairs ``begin`` to ``end``, which are one block; ``False``, and no match, where that is not certain.

    Args:
        begin: First pair.
        end: Behind the last pair.
        true: See :func:`match_blocks`.
        predicted: See :func:`match_blocks`.
        score: See :func:`match_blocks`.
        match: Written: the pair of every true detection of the block.
        parents: Forest of groups over the true, then the predicted detections; those of the block are single nodes.
        following: Written: the next pair of the same group, -1 at the end.
    """
    for k in range(begin, end):
        if score[k] > 0.0:
            parents[root(parents, match.size + predicted[k])] = root(parents, true[k])
    heads, tails = np.empty(end - begin, np.int64), np.empty(end - begin, np.int64)
    groups = 0
    for k in range(begin, end):
        if score[k] <= 0.0:
            continue
        top = root(parents, true[k])
        group = match[top]  # until the group is matched: its number
        if group < 0:
            group = match[top] = groups
            heads[group] = tails[group] = k
            groups += 1
        else:
            following[tails[group]] = k
            tails[group] = k
    for k in range(begin, end):
        match[true[k]] = -1
    for group in range(groups):
        head = heads[group]
        if following[head] < 0:
            match[true[head]] = head
        elif not search(head, true, predicted, score, match, following):
            for k in range(begin, end):
                match[true[k]] = -1
            return False
    return True


@compiled
def root(parents: Ints, node: int) -> int:
    """Return the root of a node's tree, and halve the path to it."""
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


@compiled
def sort_group(head: int, true: Ints, score: Floats, following: Ints) -> tuple[Ints, Ints]:
    """Return the pairs of a group row by row, those of a row by falling score, and where each row begins.

    ``head`` is the first pair; the second array has one entry more than there are rows.
    """
    size, k = 0, head
    while k >= 0:
        size += 1
        k = following[k]
    edges, starts = np.empty(size, np.int64), np.empty(size + 1, np.int64)
    rows, size, k = 0, 0, head
    while k >= 0:
        if size == 0 or true[k] != true[edges[size - 1]]:
            starts[rows] = size
            rows += 1
        place = size
        while place > starts[rows - 1] and score[edges[place - 1]] < score[k]:
            edges[place] = edges[place - 1]
            place -= 1
        edges[place] = k
        size += 1
        k = following[k]
    starts[rows] = size
    return edges, starts[: rows + 1]


@compiled
def search(head: int, true: Ints, predicted: Ints, score: Floats, match: Ints, following: Ints) -> bool:
    """Match one group; ``False`` where its best assignment is not clear, or not found in ``MAX_STEPS``.

    Depth first: row by row, the pairs of a row by falling score, then no pair. What cannot come within ``MARGIN`` of
    the best total is not followed, so a second assignment that is met is a rival.
    """
    edges, starts = sort_group(head, true, score, following)
    rows = starts.size - 1
    rest = np.zeros(rows + 1, np.float64)  # what the rows from here on can add at most
    for row in range(rows - 1, -1, -1):
        rest[row] = rest[row + 1] + score[edges[starts[row]]]
    cursor, chosen, kept = np.empty(rows, np.int64), np.empty(rows, np.int64), np.empty(rows, np.int64)
    totals = np.zeros(rows, np.float64)
    cursor[0], chosen[0] = 0, -1
    best, rival, row = -1.0, -1.0, 0
    for _ in range(MAX_STEPS):
        chosen[row] = -1
        edge = cursor[row]
        gain = score[edges[edge]] if edge < starts[row + 1] else 0.0
        if edge > starts[row + 1] or totals[row] + gain + rest[row + 1] < best - MARGIN:
            if row == 0:
                break
            row -= 1
            continue
        cursor[row] += 1
        if edge < starts[row + 1]:
            column, free = predicted[edges[edge]], True
            for above in range(row):
                if chosen[above] >= 0 and predicted[chosen[above]] == column:
                    free = False
            if not free:
                continue
            chosen[row] = edges[edge]
        if row + 1 < rows:
            row += 1
            totals[row], cursor[row], chosen[row] = totals[row - 1] + gain, starts[row], -1
            continue
        total = totals[row] + gain
        if total > best:
            best, rival = total, best
            for above in range(rows):  # assigning a slice would take numba seconds to compile
                kept[above] = chosen[above]
        else:
            rival = max(rival, total)
    else:
        return False
    if best - rival <= MARGIN:
        return False
    for row in range(rows):
        if kept[row] >= 0:
            match[true[kept[row]]] = kept[row]
    return True
