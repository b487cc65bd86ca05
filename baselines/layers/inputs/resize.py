"""Resize rules of the reference implementations: sizes, and pixels (PIL, bilinear, antialiased).

Sizes are ``(height, width)`` in pixels.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""RGB mean of ImageNet, values 0..1."""
IMAGENET_STD = (0.229, 0.224, 0.225)
"""RGB standard deviation of ImageNet, values 0..1."""
PIXEL_MEAN = (123.675, 116.28, 103.53)
"""RGB mean of ImageNet, values 0..255."""
PIXEL_STD = (58.395, 57.12, 57.375)
"""RGB standard deviation of ImageNet, values 0..255."""

Size = tuple[int, int]


def shortest_edge_truncated(height: int, width: int, short: int) -> Size:
    """Short side = ``short``, the long side truncated (torchvision's ``Resize`` with one number)."""
    if height <= width:
        return short, int(short * width / height)
    return int(short * height / width), short


def shortest_edge_rounded(height: int, width: int, short: int, longest: int) -> Size:
    """Short side = ``short``, then both scaled down so that no side exceeds ``longest``; halves up (detectron2)."""
    scale = short / min(height, width)
    new_height, new_width = (short, scale * width) if height < width else (scale * height, short)
    if max(new_height, new_width) > longest:
        scale = longest / max(new_height, new_width)
        new_height, new_width = new_height * scale, new_width * scale
    return int(new_height + 0.5), int(new_width + 0.5)


def shortest_edge_capped(height: int, width: int, short: int, longest: int) -> Size:
    """Short side = ``short``, made smaller first where the long side would exceed ``longest``; truncated (DETR)."""
    low, high = min(height, width), max(height, width)
    if high / low * short > longest:
        short = round(longest * low / high)
    return shortest_edge_truncated(height, width, short)


def resize(pixels: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Resize uint8 RGB ``(h, w, 3)`` to ``(*size, 3)`` with PIL's bilinear filter; unchanged if it has that size."""
    if pixels.shape[:2] == size:
        return pixels
    height, width = size
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))
