"""Compiled loops that find and match boundaries. Imported when first used: it imports numba."""

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks.compiled import compiled

Offsets = NDArray[np.int64]
Columns = NDArray[np.int32]


@compiled
def add_span(spans: Columns, first: int, n: int, left: int, right: int) -> int:
    """Append ``[left, right)`` to a row's sorted spans, joining it with the last where they touch."""
    if n > first and left <= spans[n - 1]:
        spans[n - 1] = max(spans[n - 1], right)
        return n
    spans[n] = left
    spans[n + 1] = right
    return n + 2


@compiled
def row_boundary(
    x: Columns, above: int, above_end: int, below: int, below_end: int, width: int, spans: Columns, n: int
) -> int:
    """Append the boundary of one row that has another below it; return the new number of entries.

    A pixel is boundary where its 2x2 block (itself, right, below, below right) is not constant: where the two rows
    differ, and left of every column at which either changes. At the last column only the pixel below is compared.
    """
    first, begin, differ = n, 0, False
    while above < above_end or below < below_end:
        up = x[above] if above < above_end else width + 1
        down = x[below] if below < below_end else width + 1
        column = min(up, down)
        if differ:
            n = add_span(spans, first, n, begin, column)
        elif 0 < column < width:
            n = add_span(spans, first, n, column - 1, column)
        if up == column:
            above += 1
        if down == column:
            below += 1
        differ = differ != (up != down)
        begin = column
    return n


@compiled
def boundary_spans(length: int, width: int, offsets: Offsets, x: Columns) -> tuple[Offsets, Columns]:
    """Return the boundary of every row as sorted, disjoint spans, laid out as row transitions are.

    The mask edge at the image border is no boundary. The last row compares to the right only.
    """
    height = (offsets.size - 1) // length
    bounds = np.zeros(offsets.size, np.int64)
    spans = np.empty(4 * x.size + 4, np.int32)
    n = 0
    for frame in range(length):
        for y in range(height):
            row = frame * height + y
            begin, end = offsets[row], offsets[row + 1]
            if y + 1 < height:
                n = row_boundary(x, begin, end, end, offsets[row + 2], width, spans, n)
            else:
                first = n
                for k in range(begin, end):
                    if 0 < x[k] < width:
                        n = add_span(spans, first, n, x[k] - 1, x[k])
            bounds[row + 1] = n
    return bounds, spans[:n].copy()


@compiled
def uncovered(pieces: Columns, n: int, spans: Columns, begin: int, end: int, reach: int, left_over: Columns) -> int:
    """Write the parts of ``pieces[:n]`` farther than ``reach`` columns from every span; return their entries."""
    written = 0
    for i in range(0, n, 2):
        left, right = pieces[i], pieces[i + 1]
        while begin < end and spans[begin + 1] + reach <= left:
            begin += 2
        k = begin
        while left < right and k < end and spans[k] - reach < right:
            if spans[k] - reach > left:
                left_over[written] = left
                left_over[written + 1] = spans[k] - reach
                written += 2
            left = max(left, spans[k + 1] + reach)
            k += 2
        if left < right:
            left_over[written] = left
            left_over[written + 1] = right
            written += 2
    return written


@compiled
def match_frame(
    first_row: int,
    height: int,
    offsets_a: Offsets,
    a: Columns,
    offsets_b: Offsets,
    b: Columns,
    reaches: Offsets,
    pieces: Columns,
    left_over: Columns,
) -> tuple[int, int]:
    """Count one frame's boundary pixels of ``a``, and those within the disk of a boundary pixel of ``b``.

    Rows are tried nearest first, so that a pixel near its match is done with at once. ``reaches[d]`` is the disk's
    half-width ``d`` rows away from its center; ``pieces`` and ``left_over`` are working memory.
    """
    total, unmatched = 0, 0
    nothing_there = offsets_b[first_row] == offsets_b[first_row + height]
    for y in range(height):
        begin, end = offsets_a[first_row + y], offsets_a[first_row + y + 1]
        n = end - begin
        for k in range(n):
            pieces[k] = a[begin + k]
        for k in range(0, n, 2):
            total += pieces[k + 1] - pieces[k]
        for away in range(reaches.size):
            if n == 0 or nothing_there:
                break
            for side in range(2):
                other = y - away if side == 0 else y + away
                if other < 0 or other >= height or (away == 0 and side == 1):
                    continue
                b_begin, b_end = offsets_b[first_row + other], offsets_b[first_row + other + 1]
                if b_begin == b_end or n == 0:
                    continue
                n = uncovered(pieces, n, b, b_begin, b_end, reaches[away], left_over)
                pieces, left_over = left_over, pieces
        for k in range(0, n, 2):
            unmatched += pieces[k + 1] - pieces[k]
    return total, total - unmatched


@compiled
def match_boundaries(
    length: int, width: int, offsets_a: Offsets, a: Columns, offsets_b: Offsets, b: Columns, reaches: Offsets
) -> NDArray[np.int64]:
    """Return (boundary pixels of a, of b, matched of a, matched of b) of every frame, ``(length, 4)``."""
    height = (offsets_a.size - 1) // length
    counts = np.zeros((length, 4), np.int64)
    pieces = np.empty(width + 2, np.int32)
    left_over = np.empty(width + 2, np.int32)
    for frame in range(length):
        row = frame * height
        counts[frame, 0], counts[frame, 2] = match_frame(
            row, height, offsets_a, a, offsets_b, b, reaches, pieces, left_over
        )
        counts[frame, 1], counts[frame, 3] = match_frame(
            row, height, offsets_b, b, offsets_a, a, reaches, pieces, left_over
        )
    return counts
