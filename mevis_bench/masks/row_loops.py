"""Compiled loops over row transitions. Imported when first used: it imports numba."""

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks.compiled import compiled

Offsets = NDArray[np.int64]
Columns = NDArray[np.int32]


@compiled
def unite(offsets_a: Offsets, a: Columns, offsets_b: Offsets, b: Columns) -> tuple[Offsets, Columns]:
    """Return offsets and columns of the pixels that either mask covers."""
    offsets = np.zeros(offsets_a.size, np.int64)
    x = np.empty(a.size + b.size, np.int32)
    n = 0
    for row in range(offsets_a.size - 1):
        i, end_a = offsets_a[row], offsets_a[row + 1]
        j, end_b = offsets_b[row], offsets_b[row + 1]
        first = n
        while i < end_a or j < end_b:
            if j >= end_b or (i < end_a and a[i] <= b[j]):
                left, right = a[i], a[i + 1]
                i += 2
            else:
                left, right = b[j], b[j + 1]
                j += 2
            if n > first and left <= x[n - 1]:  # touches or overlaps the span before
                x[n - 1] = max(x[n - 1], right)
            else:
                x[n] = left
                x[n + 1] = right
                n += 2
        offsets[row + 1] = n
    return offsets, x[:n].copy()


@compiled
def overlaps(length: int, offsets_a: Offsets, a: Columns, offsets_b: Offsets, b: Columns) -> NDArray[np.int64]:
    """Return how many pixels both masks cover in each frame, ``(length,)``."""
    height = (offsets_a.size - 1) // length
    shared = np.zeros(length, np.int64)
    for frame in range(length):
        total = 0
        for row in range(frame * height, (frame + 1) * height):
            i, end_a = offsets_a[row], offsets_a[row + 1]
            j, end_b = offsets_b[row], offsets_b[row + 1]
            while i < end_a and j < end_b:
                total += max(0, min(a[i + 1], b[j + 1]) - max(a[i], b[j]))
                if a[i + 1] < b[j + 1]:
                    i += 2
                else:
                    j += 2
        shared[frame] = total
    return shared


@compiled
def bounding_boxes(length: int, offsets: Offsets, x: Columns) -> NDArray[np.int64]:
    """Return the tight box ``x0, y0, x1, y1`` (half-open) of each frame, ``(length, 4)``; zeros where nothing is."""
    height = (offsets.size - 1) // length
    boxes = np.zeros((length, 4), np.int64)
    for frame in range(length):
        for y in range(height):
            begin, end = offsets[frame * height + y], offsets[frame * height + y + 1]
            if begin == end:
                continue
            if boxes[frame, 3] == 0:
                boxes[frame, 0], boxes[frame, 1], boxes[frame, 2] = x[begin], y, x[end - 1]
            boxes[frame, 0] = min(boxes[frame, 0], x[begin])
            boxes[frame, 2] = max(boxes[frame, 2], x[end - 1])
            boxes[frame, 3] = y + 1
    return boxes
