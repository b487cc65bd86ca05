"""The one place that opens image files: format, size and orientation are checked before pixels are decoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mevis_bench.records.bounds import Bounds
from mevis_bench.records.errors import DataError
from mevis_bench.records.frame_size import check_frame_size

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG")
BOUNDS = Bounds(
    files="Frames, and masks where Pillow reads them",
    limits={"formats": "JPEG and PNG", "pixels per side": "see frame_size", "EXIF orientation": 1},
)
_EXIF_ORIENTATION = 0x0112


@contextmanager
def open_image(source: Path | IO[bytes], location: str, formats: Sequence[str] = FORMATS) -> Iterator[Image]:
    """Open an image whose pixels are decoded in the body of the ``with`` statement.

    An EXIF orientation other than 1 is refused: Pillow, which MeViS's own tools read frames with, ignores it, and
    OpenCV rotates by it, so masks made with one do not fit frames read with the other.

    Args:
        source: A file or its content.
        location: Path of the file, for messages.
        formats: Pillow's names of the formats that are read.

    Raises:
        DataError: The file is missing, broken or in another format, too large, or to be rotated.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(source, formats=tuple(formats)) as image:
            check_frame_size(image.height, image.width, location)
            if "exif" in image.info and image.getexif().get(_EXIF_ORIENTATION, 1) != 1:
                raise DataError(
                    "image has an EXIF orientation, which tools disagree about",
                    location=location,
                    hint="Rotate the pixels and remove the tag, for instance with PIL.ImageOps.exif_transpose.",
                )
            yield image
    except FileNotFoundError as error:
        raise DataError("image is missing", location=location) from error
    except UnidentifiedImageError as error:
        raise DataError(f"not a {' or '.join(formats)} image", location=location) from error
    except Image.DecompressionBombError as error:
        raise DataError("image is too large", location=location) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"image cannot be read: {error}", location=location) from error


def image_size(path: Path) -> tuple[int, int]:
    """Return height and width of an image file; only its header is read.

    Raises:
        DataError: See :func:`open_image`.
    """
    with open_image(path, str(path)) as image:
        return image.height, image.width


def whole_image_size(path: Path) -> tuple[int, int]:
    """Return height and width of an image that does not break off: a JPEG, or a PNG under a JPEG's name.

    Raises:
        DataError: The file is missing, no image, or cut off.
    """
    size = image_size(path)
    with path.open("rb") as file:
        end = b"IEND" if file.read(4) == b"\x89PNG" else b"\xff\xd9"
        file.seek(max(0, path.stat().st_size - 4096))
        if end not in file.read():
            raise DataError("frame is cut off")
    return size
