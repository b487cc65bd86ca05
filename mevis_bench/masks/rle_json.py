"""Run-length encodings in JSON: ``{"size": [height, width], "counts": "..."}``, as pycocotools writes them."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from mevis_bench.files.strict_json import expect_type
from mevis_bench.masks.rle import compress_runs, to_rles
from mevis_bench.records import DataError, Rle


@dataclass(frozen=True, slots=True)
class CocoRle:
    """A mask in JSON, as ``parse_rle`` reads it; other keys are ignored.

    Attributes:
        size: Rows and columns in pixels.
        counts: COCO's compressed string, or run lengths down the columns, background first.
    """

    size: Annotated[tuple[Annotated[int, Meta(ge=1)], ...], Meta(min_length=2, max_length=2)]
    counts: Annotated[str, Meta(pattern=r"^[\x00-\x7f]*$")] | tuple[Annotated[int, Meta(ge=0)], ...]


def parse_rle(value: Any, location: str) -> Rle:
    """Parse one mask; its counts are not decoded.

    Args:
        value: Parsed JSON. ``counts`` is COCO's compressed string, or a list of run lengths, which is compressed here.
        location: File, key and frame, for messages.

    Raises:
        DataError: Not an object, or size or counts are missing or invalid.
    """
    if not isinstance(value, dict) or not {"size", "counts"} <= value.keys():
        raise DataError("expected null or an RLE {'size': [height, width], 'counts': ...}", location=location)
    size, counts = value["size"], value["counts"]
    if not isinstance(size, list) or len(size) != 2 or not all(type(side) is int and side > 0 for side in size):
        raise DataError(f"RLE size: expected [height, width], got {size!r}", location=location)
    if isinstance(counts, list):
        return Rle(size[0], size[1], compress_runs(_run_lengths(counts, location)))
    if isinstance(counts, str) and re.fullmatch(r"b'.*'|b\".*\"", counts, re.DOTALL):
        raise DataError(
            f"RLE counts: the text of Python's bytes ({counts[:12]}...)",
            location=location,
            hint="Write counts.decode() instead of str(counts).",
        )
    if not isinstance(counts, str) or not counts.isascii():
        raise DataError("RLE counts: expected COCO's compressed string or a list of run lengths", location=location)
    return Rle(size[0], size[1], counts.encode())


def parse_rles(values: list[Any], location: str) -> tuple[Rle | None, ...]:
    """Parse one mask per frame, ``None`` where the entry is null; raises like :func:`parse_rle`, naming the frame."""
    return tuple(
        None if value is None else parse_rle(value, f"{location}, frame {index}") for index, value in enumerate(values)
    )


def to_json(masks: NDArray[np.bool_]) -> list[dict[str, object] | None]:
    """Return the masks of a clip ``(t, h, w)`` as :func:`parse_rles` reads them."""
    return [
        None if mask is None else {"size": [mask.height, mask.width], "counts": mask.counts.decode()}
        for mask in to_rles(masks)
    ]


def _run_lengths(counts: list[Any], location: str) -> list[int]:
    for index, count in enumerate(counts):
        if expect_type(count, int, location) < 0:
            raise DataError(f"RLE counts: run {index} has the negative length {count}", location=location)
    return counts
