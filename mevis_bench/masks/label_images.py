"""Label images: PNG files whose pixel values are object ids."""

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks.rle import to_rles
from mevis_bench.records import DataError, Rle
from mevis_bench.records.image_file import open_image

VOID = 255
"""Pixel value of DAVIS's label images where annotators could not say what a pixel belongs to."""


def read_label_image(source: Path | IO[bytes], location: str) -> NDArray[np.uint8]:
    """Return the values of one label image, uint8 ``(h, w)``: indices of a palette image, or gray values.

    Raises:
        DataError: The file is missing, no PNG, or has more than one channel or more than 8 bits.
    """
    with open_image(source, location, ("PNG",)) as image:
        if image.mode not in ("P", "L", "1"):
            raise DataError(f"label image has mode {image.mode}; expected a palette or 8-bit gray", location=location)
        return np.asarray(image, np.uint8)


def read_tracks(
    paths: Sequence[Path | None], values: Sequence[int], height: int, width: int
) -> dict[int, tuple[Rle | None, ...]]:
    """Return the masks of objects from the label images of a video, decoded one image at a time.

    Args:
        paths: One image per frame; ``None``: one without objects.
        values: Pixel values of the objects.
        height: Rows that every image must have.
        width: Columns that every image must have.

    Returns:
        One run-length encoding per frame for every value, ``None`` where no pixel has it.

    Raises:
        DataError: See :func:`read_label_image`; or an image has another size than the video.
    """
    tracks: dict[int, list[Rle | None]] = {value: [] for value in values}
    for path in paths:
        image = None if path is None else read_label_image(path, str(path))
        if image is not None and image.shape != (height, width):
            raise DataError(
                f"label image is {image.shape[1]}x{image.shape[0]}, the video is {width}x{height}", location=str(path)
            )
        for value, track in tracks.items():
            track.append(None if image is None else to_rles((image == value)[None])[0])
    return {value: tuple(track) for value, track in tracks.items()}
