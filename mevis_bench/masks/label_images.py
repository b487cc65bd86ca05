"""Label images: PNG files whose pixel values are object ids."""

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks.rle import counts_of
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


def read_label_images(paths: Sequence[Path | None], height: int, width: int) -> NDArray[np.uint8]:
    """Return the label images of a video, uint8 ``(t, height, width)``; ``None`` is an image without objects.

    Raises:
        DataError: See :func:`read_label_image`; or an image has another size than the video.
    """
    labels = np.zeros((len(paths), height, width), np.uint8)
    for frame, path in zip(labels, paths, strict=True):
        if path is not None:
            image = read_label_image(path, str(path))
            if image.shape != (height, width):
                raise DataError(
                    f"label image is {image.shape[1]}x{image.shape[0]}, the video is {width}x{height}",
                    location=str(path),
                )
            frame[:] = image
    return labels


def to_rles(masks: NDArray[np.bool_]) -> tuple[Rle | None, ...]:
    """Return one run-length encoding per frame of bool ``(t, h, w)``, ``None`` where it covers nothing."""
    _, height, width = masks.shape
    return tuple(None if counts is None else Rle(height, width, counts) for counts in counts_of(masks))
