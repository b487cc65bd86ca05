"""Compiled loops from the inflated bytes of a PNG to row transitions. Imported when first used: it imports numba.

A mask's rows hold long stretches of one value, whatever the filter: after the filter these are stretches of zeros
(or, unfiltered, of the value itself). So a row is followed from one change to the next instead of byte by byte.
"""

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks.compiled import compiled

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Columns = NDArray[np.int32]

NONE, SUB, UP, AVERAGE, PAETH = range(5)
"""PNG's filter types (ISO/IEC 15948, section 9)."""


@compiled
def next_other(raw: Bytes, words: Words, at: int, end: int, value: int) -> int:
    """Return the first position in ``at..end`` whose byte is not ``value``, else ``end``; ``words`` is ``raw``."""
    while at < end and at % 8 != 0:
        if raw[at] != value:
            return at
        at += 1
    pattern = np.uint64(value) * np.uint64(0x0101010101010101)
    word, last = at // 8, end // 8
    while word + 4 <= last and (
        (words[word] ^ pattern)
        | (words[word + 1] ^ pattern)
        | (words[word + 2] ^ pattern)
        | (words[word + 3] ^ pattern)
    ) == np.uint64(0):
        word += 4
    while word < last and words[word] == pattern:
        word += 1
    at = max(at, word * 8)
    while at < end and raw[at] == value:
        at += 1
    return at


@compiled
def predicted(filter_type: int, left: int, above: int, corner: int) -> int:
    """Return what a filter expects a byte to be from its neighbors to the left, above, and above left."""
    if filter_type == SUB:
        return left
    if filter_type == UP:
        return above
    if filter_type == AVERAGE:
        return (left + above) // 2
    to_left, to_above = abs(above - corner), abs(left - corner)
    to_corner = abs(left + above - 2 * corner)
    if to_left <= to_above and to_left <= to_corner:
        return left
    return above if to_above <= to_corner else corner


@compiled
def follow_row(
    raw: Bytes,
    words: Words,
    start: int,
    size: int,
    filter_type: int,
    above_at: Columns,
    above_value: Bytes,
    above_count: int,
    at: Columns,
    value: Bytes,
) -> int:
    """Undo the filter of one row, as a list of changes.

    Args:
        raw: Inflated bytes of the image.
        words: The same, eight at a time.
        start: The row's first byte after its filter type.
        size: Bytes of a row.
        filter_type: The row's filter.
        above_at: Where the row above changes; it starts as 0.
        above_value: To what it changes.
        above_count: How often.
        at: Filled with where this row changes.
        value: Filled with to what.

    Returns:
        How often this row changes.
    """
    count, x, left, above, corner, k = 0, 0, 0, 0, 0, 0
    while x < size:
        if filter_type == NONE:
            x = next_other(raw, words, start + x, start + size, left) - start
            if x == size:
                break
            here = int(raw[start + x])
        else:
            while k < above_count and above_at[k] <= x:
                above = int(above_value[k])
                k += 1
            here = (int(raw[start + x]) + predicted(filter_type, left, above, corner)) & 255
        if here != left:
            at[count] = x
            value[count] = here
            count += 1
        left, corner = here, above
        x += 1
        if filter_type != NONE and predicted(filter_type, left, above, corner) == left:
            # until a byte is not zero or the row above changes, every byte repeats the one before
            stop = min(size, above_at[k]) if k < above_count else size
            x = next_other(raw, words, start + x, start + stop, 0) - start
    return count


@compiled
def place_pixels(
    at: Columns, value: Bytes, count: int, width: int, depth: int, threshold: int, x: Columns, n: int, gray: int
) -> tuple[int, int]:
    """Append one row's transitions to ``x``.

    ``gray`` is the one value but 0 seen so far, 0 before the first and -1 once there were two.

    Returns:
        (number of entries of ``x``, ``gray``).
    """
    inside = False
    per_byte = 8 // depth
    mask = (1 << depth) - 1
    for change in range(count):
        byte, packed = at[change], int(value[change])
        end = at[change + 1] if change + 1 < count else (width + per_byte - 1) // per_byte
        repeats = packed == 0 or packed == 255 or depth == 8  # every pixel of the byte has one value
        for pixel in range(byte * per_byte, byte * per_byte + 1 if repeats else min(end * per_byte, width)):
            sample = packed if depth == 8 else (packed >> (8 - depth * (pixel % per_byte + 1))) & mask
            if sample != 0 and sample != gray:
                gray = sample if gray == 0 else -1
            if (sample >= threshold) != inside:
                x[n] = pixel
                n += 1
                inside = not inside
    if inside:
        x[n] = width
        n += 1
    return n, gray


@compiled
def rows_of_png(
    raw: Bytes, words: Words, height: int, width: int, depth: int, threshold: int
) -> tuple[NDArray[np.int64], Columns, int, int]:
    """Turn the inflated bytes of a PNG with one channel into row transitions.

    Args:
        raw: ``height`` rows, each one byte of filter type and then the samples, padded to whole bytes.
        words: The same eight bytes at a time, the rest left out.
        height: Rows.
        width: Columns.
        depth: Bits of a sample: 1, 2, 4 or 8.
        threshold: Samples from this value on are foreground.

    Returns:
        (offsets and x of :class:`MaskRows` for one frame; the one sample value but 0 in the image, 0 if there is
        none and -1 if there are several; the first row whose filter type is unknown, else -1).
    """
    size = (width * depth + 7) // 8
    above_at, at = np.empty(size + 1, np.int32), np.empty(size + 1, np.int32)
    above_value, value = np.empty(size + 1, np.uint8), np.empty(size + 1, np.uint8)
    offsets = np.zeros(height + 1, np.int64)
    x = np.empty(4 * (width + 1), np.int32)
    n, above_count, gray = 0, 0, 0
    for y in range(height):
        start = y * (size + 1) + 1
        filter_type = int(raw[start - 1])
        if filter_type > PAETH:
            return offsets, x[:0].copy(), gray, y
        count = follow_row(raw, words, start, size, filter_type, above_at, above_value, above_count, at, value)
        if n + width + 1 > x.size:
            longer = np.empty(2 * x.size, np.int32)
            longer[:n] = x[:n]
            x = longer
        n, gray = place_pixels(at, value, count, width, depth, threshold, x, n, gray)
        offsets[y + 1] = n
        above_at, at = at, above_at
        above_value, value = value, above_value
        above_count = count
    return offsets, x[:n].copy(), gray, -1
