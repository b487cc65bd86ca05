"""The one limit on the size of frames and masks, checked before anything of that size is allocated."""

from mevis_bench.records.bounds import Bounds
from mevis_bench.records.errors import DataError

BOUNDS = Bounds(files="Frames, masks and RLEs, before they are decoded", limits={"pixels per side": 8192})

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
