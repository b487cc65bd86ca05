"""Boxes as masks: rectangles of whole pixels, for pictures and slices; scores of tracks use the boxes themselves."""

import math

from mevis_bench.data.refer_kitti.files import Box
from mevis_bench.masks.rle_json import parse_rle
from mevis_bench.records import Rle


def rectangle(box: Box, height: int, width: int) -> Rle:
    """Return a box as a mask; its sides are rounded, and at least one pixel lies in the frame."""
    x0, y0, x1, y1 = (math.floor(side + 0.5) for side in box)
    x0, y0 = min(max(x0, 0), width - 1), min(max(y0, 0), height - 1)
    x1, y1 = min(max(x1, x0 + 1), width), min(max(y1, y0 + 1), height)
    rows = y1 - y0
    runs = [x0 * height + y0, rows, *[height - rows, rows] * (x1 - x0 - 1), (width - x1) * height + height - y1]
    return parse_rle({"size": [height, width], "counts": runs}, f"box {box}")
