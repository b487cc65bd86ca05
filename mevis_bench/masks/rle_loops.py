"""Compiled loops between COCO run lengths, row transitions and pixels. Imported when first used: it imports numba."""

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks.compiled import compiled

Counts = NDArray[np.uint8]
Starts = NDArray[np.int64]

OK, BAD_CHARACTER, CUT_OFF, NEGATIVE_RUN, WRONG_SUM, TOO_MANY_CHANGES = range(6)
"""Why a frame's counts cannot be read."""


@compiled
def read_toggles(text: Counts, begin: int, end: int, size: int, toggles: Starts, first: int) -> tuple[int, int]:
    """Decode one frame's compressed counts.

    A number is written in groups of five bits, lowest first, each a character from '0' on whose sixth bit states that
    more follow; from the fourth number on it is the difference to the number two before.

    Args:
        text: Compressed counts of all frames.
        begin: First byte of this frame.
        end: One past its last byte.
        size: Pixels of a frame; the runs must sum to it.
        toggles: Filled from ``first`` with the sorted positions (down the columns) at which the mask changes.
        first: Where to begin.

    Returns:
        (one past the last toggle, why it failed or ``OK``).
    """
    here, at, run, before_last, last = first, begin, 0, 0, 0
    position = 0
    while at < end:
        value, shift, more = 0, 0, True
        while more:
            if at >= end:
                return here, CUT_OFF
            group = int(text[at]) - 48
            if group < 0 or group > 63 or shift > 35:
                return here, BAD_CHARACTER
            value |= (group & 31) << shift
            shift += 5
            at += 1
            more = (group & 32) != 0
            if not more and (group & 16) != 0:
                value |= -1 << shift
        if run > 2:
            value += before_last
        if value < 0:
            return here, NEGATIVE_RUN
        before_last, last = last, value
        run += 1
        position += value
        if position > size:
            return here, WRONG_SUM
        if position < size:
            if here > first and toggles[here - 1] == position:  # a run of nothing: the mask changes back
                here -= 1
            else:
                toggles[here] = position
                here += 1
    if position != size:
        return here, WRONG_SUM
    return here, OK


@compiled
def row_changes(toggles: Starts, begin: int, end: int, height: int, size: int, spans: Starts) -> int:
    """List where a pixel differs from its left neighbor, as spans of positions down the columns.

    The mask and the mask moved one column to the right differ exactly there; both change at known positions, so the
    spans are what lies between every other one of them, merged. Positions from ``size`` on are the right border.

    Returns:
        How many entries of ``spans`` were written, two a span.
    """
    # a mask that is on at the last pixel is switched off at size
    ends_on = (end - begin) % 2
    count = end - begin + ends_on
    plain, moved, written = 0, 0, 0
    while plain < count or moved < count:
        here = there = size + height + 1
        if plain < count:
            here = size if begin + plain == end else toggles[begin + plain]
        if moved < count:
            there = (size if begin + moved == end else toggles[begin + moved]) + height
        if here == there:
            plain += 1
            moved += 1
            continue
        if here < there:
            spans[written] = here
            plain += 1
        else:
            spans[written] = there
            moved += 1
        written += 1
    return written


@compiled
def count_row_changes(spans: Starts, written: int, height: int, counts: Starts) -> None:
    """Add to ``counts`` ``(height,)`` how many changes each row has."""
    for pair in range(0, written, 2):
        y = spans[pair] % height
        for _ in range(spans[pair + 1] - spans[pair]):
            counts[y] += 1
            y += 1
            if y == height:
                y = 0


@compiled
def place_row_changes(spans: Starts, written: int, height: int, cursors: Starts, x: NDArray[np.int32]) -> None:
    """Write each change's column into ``x`` at its row's cursor, left to right."""
    for pair in range(0, written, 2):
        column, y = divmod(spans[pair], height)
        for _ in range(spans[pair + 1] - spans[pair]):
            x[cursors[y]] = column
            cursors[y] += 1
            y += 1
            if y == height:
                y = 0
                column += 1


@compiled
def rows_of_counts(
    text: Counts, starts: Starts, height: int, width: int, max_changes: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], int, int]:
    """Turn a clip's compressed counts into row transitions; no raster is made.

    Args:
        text: Compressed counts of all frames, one after the other; a frame without any is empty.
        starts: ``(length + 1,)``, where each frame's counts begin.
        height: Rows.
        width: Columns.
        max_changes: Most row transitions of the clip: stripes of a few characters make as many as pixels.

    Returns:
        (offsets, x) of :class:`MaskRows`, the first frame that cannot be read or -1, and why.
    """
    length, size = starts.size - 1, height * width
    toggles = np.empty(text.size, np.int64)
    bounds = np.zeros(length + 1, np.int64)
    spans = np.empty(2 * text.size + 4, np.int64)
    offsets = np.zeros(length * height + 1, np.int64)
    for frame in range(length):
        bounds[frame + 1] = bounds[frame]
        if starts[frame] == starts[frame + 1]:
            continue
        end, why = read_toggles(text, starts[frame], starts[frame + 1], size, toggles, bounds[frame])
        if why != OK:
            return offsets, np.empty(0, np.int32), frame, why
        bounds[frame + 1] = end
        written = row_changes(toggles, bounds[frame], end, height, size, spans)
        rows = offsets[frame * height + 1 : (frame + 1) * height + 1]
        count_row_changes(spans, written, height, rows)
    for row in range(length * height):
        offsets[row + 1] += offsets[row]
        if offsets[row + 1] > max_changes:
            return offsets, np.empty(0, np.int32), row // height, TOO_MANY_CHANGES
    x = np.empty(offsets[-1], np.int32)
    cursors = offsets[:-1].copy()
    for frame in range(length):
        written = row_changes(toggles, bounds[frame], bounds[frame + 1], height, size, spans)
        place_row_changes(spans, written, height, cursors[frame * height : (frame + 1) * height], x)
    return offsets, x, -1, OK


@compiled
def write_number(number: int, text: Counts, at: int) -> int:
    """Write one number the way ``read_toggles`` reads it; return one past its last byte."""
    more = True
    while more:
        group = number & 31
        number >>= 5
        more = number != (-1 if group & 16 else 0)
        text[at] = 48 + group + (32 if more else 0)
        at += 1
    return at


@compiled
def write_counts(mask: NDArray[np.bool_], columns: NDArray[np.bool_], text: Counts) -> int:
    """Encode one frame.

    Whole rows and columns are tested first, which goes many pixels at a time; down the
    columns is then only walked where the mask is.

    Args:
        mask: ``(h, w)``.
        columns: ``(w,)``, overwritten.
        text: Filled with the compressed counts; at least ``2 * h * w + 64`` long.

    Returns:
        How many bytes were written; 0 where nothing is foreground.
    """
    height, width = mask.shape
    top, end = height, 0
    columns[:] = False
    for y in range(height):
        covered = False
        for x in range(width):
            covered |= mask[y, x]
        if covered:
            top, end = min(top, y), min(y + 2, height)  # a run ends one row below
            for x in range(width):
                columns[x] |= mask[y, x]
    if top == height:
        return 0
    at, runs, change, on = 0, 0, 0, False
    before_last, last = 0, 0
    for x in range(width):
        if not (columns[x] or on):
            continue
        for y in range(0 if on else top, end):
            if mask[y, x] != on:
                run = x * height + y - change
                at = write_number(run - before_last if runs > 2 else run, text, at)
                before_last, last = last, run
                runs += 1
                change, on = x * height + y, not on
    run = height * width - change
    return write_number(run - before_last if runs > 2 else run, text, at)


@compiled
def write_clip(masks: NDArray[np.bool_]) -> tuple[Counts, Starts]:
    """Encode a clip ``(t, h, w)``.

    Returns:
        Compressed counts of all frames, one after the other, and ``(t + 1,)`` where each frame's begin and end.
    """
    length, height, width = masks.shape
    most = 2 * height * width + 64
    text, columns = np.empty(most, np.uint8), np.empty(width, np.bool_)
    starts = np.zeros(length + 1, np.int64)
    for frame in range(length):
        if text.size - starts[frame] < most:
            longer = np.empty(2 * text.size, np.uint8)
            longer[: starts[frame]] = text[: starts[frame]]
            text = longer
        starts[frame + 1] = starts[frame] + write_counts(masks[frame], columns, text[starts[frame] :])
    return text[: starts[length]], starts
