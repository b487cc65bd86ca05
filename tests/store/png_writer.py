"""A slow, obvious PNG writer: any filter a row, any depth, one channel."""

import struct
import zlib
from itertools import pairwise

import numpy as np


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def paeth(left: int, above: int, corner: int) -> int:
    estimate = left + above - corner
    distances = [(abs(estimate - value), order, value) for order, value in enumerate((left, above, corner))]
    return min(distances)[2]


def filter_row(kind: int, row: bytes, above: bytes) -> bytes:
    out = bytearray([kind])
    for k, byte in enumerate(row):
        left, corner = (row[k - 1], above[k - 1]) if k else (0, 0)
        expected = (0, left, above[k], (left + above[k]) // 2, paeth(left, above[k], corner))[kind]
        out.append((byte - expected) % 256)
    return bytes(out)


def pack_row(samples: np.ndarray, depth: int) -> bytes:
    bits = "".join(f"{int(sample):0{depth}b}" for sample in samples)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[k : k + 8], 2) for k in range(0, len(bits), 8))


def write_png(
    samples: np.ndarray, filters: list[int], depth: int = 8, color: int = 0, parts: int = 1, interlaced: int = 0
) -> bytes:
    """Write samples (h, w), each below 2**depth, with the given filter for every row."""
    height, width = samples.shape
    above, raw = bytes((width * depth + 7) // 8), b""
    for kind, samples_of_row in zip(filters, samples, strict=True):
        row = pack_row(samples_of_row, depth)
        raw += filter_row(kind, row, above)
        above = row
    packed = zlib.compress(raw)
    cuts = [len(packed) * k // parts for k in range(parts + 1)]
    palette = chunk(b"PLTE", bytes(3) + b"\xff" * (3 * (2**depth - 1))) if color == 3 else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced))
        + palette
        + b"".join(chunk(b"IDAT", packed[a:b]) for a, b in pairwise(cuts))
        + chunk(b"IEND", b"")
    )
