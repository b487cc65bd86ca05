"""The one limit on the size of frames, masks and videos, checked before anything of that size is allocated."""

from mevis_bench.records.bounds import Bounds
from mevis_bench.records.errors import DataError

BOUNDS = Bounds(
    files="Frames, masks, RLEs and videos, before they are decoded",
    limits={"pixels per side": 8192, "frames of a video": 100_000, "pixels of a video": 2**34},
)

MAX_FRAME_SIDE = BOUNDS.limit("pixels per side")
"""Most rows and most columns of a frame or mask; 8K video has 7680 columns."""


def check_frame_size(height: int, width: int, location: str | None = None) -> None:
    """Validate the size of a frame or mask, in pixels.

    Raises:
        DataError: A side is not in ``1..MAX_FRAME_SIDE``.
    """
    if not (1 <= height <= MAX_FRAME_SIDE and 1 <= width <= MAX_FRAME_SIDE):
        raise DataError(
            f"frame size {width}x{height}: expected 1 to {MAX_FRAME_SIDE} pixels per side",
            location=location,
            hint="Resize the video and its masks.",
        )


def check_frame_count(count: int, location: str | None) -> None:
    """Validate the number of a video's frames.

    Raises:
        DataError: There are too many.
    """
    BOUNDS.check("frames of a video", count, location)


def check_video_size(frames: int, height: int, width: int, location: str | None) -> None:
    """Validate the size of a video, frames and their sides in pixels; 2**34 pixels are 8,285 frames of 1920x1080.

    Raises:
        DataError: A side, the number of frames, or all pixels together are too many.
    """
    check_frame_size(height, width, location)
    check_frame_count(frames, location)
    BOUNDS.check("pixels of a video", frames * height * width, location)
