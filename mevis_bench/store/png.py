"""One mask from one PNG file, read as row transitions.

The chunks are read here, inflating is libdeflate's work, and :mod:`mevis_bench.masks.png_loops` undoes the filters.
Interlaced files, which no tool writes for masks, go through Pillow.
"""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks import MaskRows
from mevis_bench.records import DataError
from mevis_bench.records.bounds import Bounds
from mevis_bench.records.image_file import open_image

BOUNDS = Bounds(
    files="PNG masks of predictions",
    limits={"bits per sample": 8, "pixels": "those of the video", "bytes inflated": "those of the video's pixels"},
)

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GRAY, _PALETTE = 0, 3
_COLORS = {2: "RGB", 4: "gray and alpha", 6: "RGB and alpha"}


@dataclass(frozen=True, slots=True)
class _Image:
    height: int
    width: int
    depth: int
    color: int
    interlaced: bool
    packed: bytes
    palette: bytes


def rows_from_png(data: bytes, height: int, width: int, *, threshold: int | None, location: str) -> MaskRows:
    """Read one frame's mask.

    Palette images: every index but 0 is foreground; index 0 has to be the only black color, because official scripts
    read colors. Grey images: every value but 0, of which there may be only one (0 and 255, 0 and 1), because more would
    be a soft mask. With a threshold, every value (index) from it on.

    Raises:
        DataError: Not a PNG, cut off, damaged, of another size, in color, 16 bits deep, or soft.
    """
    image = _read_chunks(data, location)
    if (image.height, image.width) != (height, width):
        raise DataError(f"mask is {image.width}x{image.height}, the video is {width}x{height}", location=location)
    if image.color not in (_GRAY, _PALETTE):
        kind = _COLORS.get(image.color, f"color type {image.color}")
        raise DataError(f"mask is {kind}; it must have one channel: gray, palette or 1-bit", location=location)
    if image.depth == 16:
        hint = "Write 8 bits: 0 and 255."
        raise DataError("mask is 16 bits deep; 8 or fewer are needed", location=location, hint=hint)
    if image.depth not in (1, 2, 4, 8):
        raise DataError(f"no readable PNG: {image.depth} bits a sample", location=location)
    if image.color == _PALETTE and threshold is None:
        _check_palette(data, image.palette, location)
    lowest = 1 if threshold is None else threshold
    if image.color == _GRAY:  # a threshold is on the scale of 8 bits
        lowest = -(-lowest * ((1 << image.depth) - 1) // 255)
    if image.interlaced:
        rows, gray = _rows_of_interlaced(data, lowest, image.depth, location)
    else:
        rows, gray = _rows_of_image(image, lowest, location)
    if gray < 0 and image.color == _GRAY and threshold is None:
        hint = "Write 0 and one other value, or give --threshold N: values from N on are foreground."
        raise DataError("mask is soft: it holds more than one value besides 0", location=location, hint=hint)
    return rows


def _check_palette(data: bytes, palette: bytes, location: str) -> None:
    """Refuse a palette image whose colors contradict its indices: official scripts read the gray value of the color.

    Raises:
        DataError: A used index but 0 is black, or index 0 is used and is not; as OpenCV converts colors to gray.
    """
    colors = np.frombuffer(palette[: len(palette) // 3 * 3], np.uint8).reshape(-1, 3).astype(np.int64)
    gray = (colors @ np.array([4899, 9617, 1868]) + 8192) >> 14
    suspicious = [index for index, value in enumerate(gray.tolist()) if (value == 0) != (index == 0)]
    if not suspicious:
        return
    with open_image(io.BytesIO(data), location, ("PNG",)) as image:
        used = set(np.unique(np.asarray(image)).tolist())
    wrong = [index for index in suspicious if index in used]
    if wrong:
        color = "black" if wrong[0] else "not black"
        raise DataError(
            f"palette index {wrong[0]} is {color}: this benchmark reads indices and the official scripts colors",
            location=location,
            hint="Save gray PNGs with 0 and 255, or make only index 0 black; --threshold N reads indices.",
        )


def _read_chunks(data: bytes, location: str) -> _Image:
    if data[:8] != _SIGNATURE:
        raise DataError("no readable PNG: it does not begin like one", location=location)
    at, head, palette, packed, ended = 8, b"", b"", [], False
    while at + 12 <= len(data) and not ended:
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            break
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise DataError(f"no readable PNG: chunk {name!r} is damaged", location=location)
        if name == b"IHDR":
            head = data[at + 8 : end]
        elif name == b"PLTE":
            palette = data[at + 8 : end]
        elif name == b"IDAT":
            packed.append(data[at + 8 : end])
        ended = name == b"IEND"
        at = end + 4
    if not ended or len(head) != 13:
        raise DataError("no readable PNG: it is cut off", location=location)
    width, height, depth, color, _, _, interlaced = struct.unpack(">IIBBBBB", head)
    return _Image(height, width, depth, color, interlaced != 0, b"".join(packed), palette)


def _rows_of_image(image: _Image, lowest: int, location: str) -> tuple[MaskRows, int]:
    size = image.height * ((image.width * image.depth + 7) // 8 + 1)
    raw = _inflate(image.packed, size, location)
    if len(raw) != size:
        raise DataError(f"no readable PNG: {len(raw)} bytes of pixels where {size} are due", location=location)
    from mevis_bench.masks.png_loops import rows_of_png

    pixels = np.frombuffer(raw, np.uint8)
    words = pixels[: size // 8 * 8].view(np.uint64)
    offsets, x, gray, bad = rows_of_png(pixels, words, image.height, image.width, image.depth, lowest)
    if bad >= 0:
        raise DataError(f"no readable PNG: row {bad} has an unknown filter", location=location)
    return MaskRows(1, image.height, image.width, offsets, x), gray


def _inflate(packed: bytes, size: int, location: str) -> bytes | bytearray:
    """Inflate to at most ``size`` bytes."""
    try:
        import deflate
    except ImportError:  # ten times slower, the same bytes
        return _inflate_slowly(packed, size, location)
    try:
        return deflate.zlib_decompress(packed, size)
    except deflate.DeflateError as error:
        raise DataError("no readable PNG: its pixels are damaged, cut off or too many", location=location) from error


def _inflate_slowly(packed: bytes, size: int, location: str) -> bytes:
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(packed, size)
        if not inflater.eof and inflater.decompress(inflater.unconsumed_tail, 1):
            raise zlib.error("more bytes than pixels")
    except zlib.error as error:
        raise DataError("no readable PNG: its pixels are damaged, cut off or too many", location=location) from error
    if not inflater.eof:
        raise DataError("no readable PNG: its pixels are damaged, cut off or too many", location=location)
    return raw


def _rows_of_interlaced(data: bytes, lowest: int, depth: int, location: str) -> tuple[MaskRows, int]:
    with open_image(io.BytesIO(data), location, ("PNG",)) as image:
        values: NDArray[np.uint8] = np.asarray(image, dtype=np.uint8)
        scale = 255 // ((1 << depth) - 1) if image.mode == "L" else 1  # Pillow widens 2- and 4-bit gray
    values = values // scale
    distinct = np.unique(values[values > 0])
    gray = -1 if distinct.size > 1 else int(distinct[0]) if distinct.size else 0
    return MaskRows.from_dense((values >= lowest)[None]), gray
