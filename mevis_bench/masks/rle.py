"""Masks from COCO run lengths, and back."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks.mask_rows import MaskRows
from mevis_bench.records.bounds import Bounds
from mevis_bench.records.errors import DataError
from mevis_bench.records.rle import RLE_ERRORS, Rle

BOUNDS = Bounds(files="Run lengths of one prediction or object", limits={"changes along rows": 2**25})


def rows_from_rle(masks: Sequence[Rle | None], height: int, width: int, *, location: str) -> MaskRows:
    """Turn a clip's run lengths into row transitions without making a raster.

    Args:
        masks: One mask per frame, ``None`` where it covers nothing.
        height: Rows that every mask must have.
        width: Columns that every mask must have.
        location: File and key, for the message.

    Raises:
        DataError: A mask has another size or cannot be decoded; names the frame's index.
    """
    for index, mask in enumerate(masks):
        if mask is not None and (mask.height, mask.width) != (height, width):
            raise DataError(
                f"mask is {mask.width}x{mask.height}, the video is {width}x{height}",
                location=f"{location}, frame {index}",
            )
    texts = [b"" if mask is None else mask.counts for mask in masks]
    starts = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=starts[1:])
    for index, (mask, text) in enumerate(zip(masks, texts, strict=True)):
        if mask is not None and not text:
            raise DataError(RLE_ERRORS[2], location=f"{location}, frame {index}")
    if starts[-1] == 0:
        return MaskRows.empty(len(texts), height, width)
    from mevis_bench.masks.rle_loops import rows_of_counts

    joined = np.frombuffer(b"".join(texts), np.uint8)
    offsets, x, frame, why = rows_of_counts(joined, starts, height, width, BOUNDS.limit("changes along rows"))
    if frame >= 0:
        raise DataError(RLE_ERRORS[why].format(height=height, width=width), location=f"{location}, frame {frame}")
    return MaskRows(len(texts), height, width, offsets, x)


def counts_of(masks: NDArray[np.bool_]) -> list[bytes | None]:
    """Encode a clip ``(t, h, w)`` as pycocotools does, to the byte.

    Returns:
        Compressed counts of each frame, ``None`` where it covers nothing.
    """
    from mevis_bench.masks.rle_loops import write_clip

    text, bounds = write_clip(masks)
    joined = text.tobytes()
    return [joined[begin:end] or None for begin, end in pairwise(bounds.tolist())]


def to_rles(masks: NDArray[np.bool_]) -> tuple[Rle | None, ...]:
    """Return the run-length encoding of each frame of a clip ``(t, h, w)``, ``None`` where it covers nothing."""
    _, height, width = masks.shape
    return tuple(None if counts is None else Rle(height, width, counts) for counts in counts_of(masks))


def compress_runs(runs: Sequence[int]) -> bytes:
    """Return run lengths as COCO's compressed string (``rleToString`` of the COCO API): the inverse of ``Rle.decode``'s
    first step.

    Args:
        runs: Lengths >= 0 down the columns, background first.
    """
    text = bytearray()
    for index, count in enumerate(runs):
        rest = count - runs[index - 2] if index > 2 else count
        more = True
        while more:
            group = rest & 31
            rest >>= 5
            more = rest != (-1 if group & 16 else 0)
            text.append(48 + group + (32 if more else 0))
    return bytes(text)
