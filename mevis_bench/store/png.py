"""One mask from one PNG file."""

import io

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks import MaskRows
from mevis_bench.records import DataError


def rows_from_png(data: bytes, height: int, width: int, *, threshold: int | None, where: str) -> MaskRows:
    """Read one frame's mask.

    Palette images: every index but 0 is foreground. Grey images: every value but 0, of which there may be only one
    (0 and 255, 0 and 1), because more would be a soft mask; with a threshold, every value from it on.

    Raises:
        DataError: Not a PNG, cut off, of another size, in colour, 16 bits deep, or soft.
    """
    values = _indices(data, where)
    if values.shape != (height, width):
        raise DataError(f"mask is {values.shape[1]}x{values.shape[0]}, the video is {width}x{height}", where=where)
    return MaskRows.from_dense(values[None] >= (1 if threshold is None else threshold))


def _indices(data: bytes, where: str) -> NDArray[np.uint8]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.mode not in ("1", "L", "P"):
                raise DataError(f"mask has mode {image.mode}; 1, L or P is needed", where=where)
            return np.asarray(image, dtype=np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"no readable PNG: {error}", where=where) from error
