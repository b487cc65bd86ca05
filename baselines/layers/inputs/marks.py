"""Marks that show a vision-language model which objects of a frame are meant, on uint8 RGB frames.

Four kinds: a colored ``overlay`` (the paper, section 5.7), a ``contour``, a ``crop`` around the objects, and
``numbers`` (Yang et al., "Set-of-Mark Prompting Unleashes Extraordinary Visual Grounding in GPT-4V", 2023). Axes: t
frames, n objects, h rows, w columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from mevis_bench.records.highlighted_video import blend

Mark = Literal["overlay", "contour", "crop", "numbers"]

PALETTE = ((230, 25, 75), (60, 180, 75), (0, 130, 200), (245, 130, 48), (145, 30, 180), (70, 240, 240))
"""Colors of numbered objects; object 6 has that of object 0 again."""


@dataclass(frozen=True, slots=True)
class MarkStyle:
    """Appearance of marked objects.

    Attributes:
        mark: The kind.
        color: Red, green, blue, each 0..255; of overlay and contour.
        alpha: Opacity of the overlay, 0..1.
        line: Width of contours, in pixels, at least 1.
        margin: Margin of the crop on every side, as a fraction of the longer side of the objects' box.
    """

    mark: Mark = "overlay"
    color: tuple[int, int, int] = (255, 0, 0)
    alpha: float = 0.5
    line: int = 3
    margin: float = 0.25


def mark_frames(
    frames: NDArray[np.uint8], objects: NDArray[np.bool_], style: MarkStyle, names: Sequence[int] | None = None
) -> NDArray[np.uint8]:
    """Mark objects in the frames of a video.

    Args:
        frames: uint8 ``(t, h, w, 3)``.
        objects: bool ``(n, t, h, w)``; an object may be absent from any frame.
        style: How.
        names: Number that is written on each object (``numbers``); ``None``: 1, 2, 3, ...

    Returns:
        Marked copies ``(t, h, w, 3)``; of ``crop`` one window of all frames, ``(t, h', w', 3)``, and the whole frames
        where no object is visible.
    """
    union: NDArray[np.bool_] = np.logical_or.reduce(objects, 0)
    match style.mark:
        case "overlay":
            return np.stack([overlay(*pair, style.color, style.alpha) for pair in zip(frames, union, strict=True)])
        case "contour":
            return np.stack([contour(*pair, style.color, style.line) for pair in zip(frames, union, strict=True)])
        case "crop":
            left, top, right, bottom = crop_window(union, style.margin)
            return frames[:, top:bottom, left:right].copy()
        case "numbers":
            return np.stack([numbers(frame, objects[:, i], style.line, names) for i, frame in enumerate(frames)])
        case _:
            assert_never(style.mark)


def overlay(
    frame: NDArray[np.uint8], mask: NDArray[np.bool_], color: tuple[int, int, int], alpha: float
) -> NDArray[np.uint8]:
    """Return a copy of a frame ``(h, w, 3)`` in which the pixels of a mask ``(h, w)`` are blended with a color."""
    return blend(frame, mask, color, alpha)


def contour(
    frame: NDArray[np.uint8], mask: NDArray[np.bool_], color: tuple[int, int, int], line: int
) -> NDArray[np.uint8]:
    """Return a copy of a frame ``(h, w, 3)`` with the outline of a mask ``(h, w)``.

    The line is the part of the mask that is closer than ``line`` pixels, in steps along rows and columns, to a pixel
    outside of the mask or of the frame.
    """
    return blend(frame, mask & ~ndimage.binary_erosion(mask, iterations=line), color, 1.0)


def crop_window(masks: NDArray[np.bool_], margin: float) -> tuple[int, int, int, int]:
    """Return the window around what is marked in any frame.

    Args:
        masks: bool ``(t, h, w)``.
        margin: On every side, as a fraction of the longer side of the box; the window ends at the frame's border.

    Returns:
        Left, top, right, bottom in pixels, half-open; the whole frame where nothing is marked.
    """
    height, width = masks.shape[1:]
    rows, columns = np.flatnonzero(masks.any((0, 2))), np.flatnonzero(masks.any((0, 1)))
    if not len(rows):
        return 0, 0, width, height
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    extra = round(margin * max(bottom - top, right - left))
    return max(0, left - extra), max(0, top - extra), min(width, right + extra), min(height, bottom + extra)


def numbers(
    frame: NDArray[np.uint8], objects: NDArray[np.bool_], line: int, names: Sequence[int] | None = None
) -> NDArray[np.uint8]:
    """Return a copy of a frame with the outline and the number of every object.

    Args:
        frame: uint8 ``(h, w, 3)``.
        objects: bool ``(n, h, w)``; a later object is drawn over earlier ones, and one that is absent is not drawn.
        line: Width of the outlines, in pixels.
        names: Number of each; ``None``: 1, 2, 3, ...
    """
    for index, mask in enumerate(objects):
        frame = contour(frame, mask, PALETTE[index % len(PALETTE)], line)
    image = Image.fromarray(frame.copy())
    font = ImageFont.load_default(max(10, min(frame.shape[:2]) // 24))
    draw = ImageDraw.Draw(image)
    for index, mask in enumerate(objects):
        if mask.any():
            center = _deepest_pixel(mask)
            text = str(index + 1 if names is None else names[index])
            draw.rectangle(draw.textbbox(center, text, font, anchor="mm"), fill=PALETTE[index % len(PALETTE)])
            draw.text(center, text, fill=(255, 255, 255), font=font, anchor="mm")
    return np.array(image)


def _deepest_pixel(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Return column and row of the pixel farthest from the outline, as Set-of-Mark does."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(column), int(row)
