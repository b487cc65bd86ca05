"""A video as a method receives it: names and paths; frames are decoded on demand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mevis_bench.records.errors import DataError
from mevis_bench.records.frame_size import check_video_size
from mevis_bench.records.image_file import open_image

if TYPE_CHECKING:  # numpy alone would double the time that help and lists take to start
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Video:
    """The frames of one video, in order, decoded on demand.

    Contains no ground truth, so no method can see it.

    Attributes:
        id: Folder name under ``JPEGImages``.
        frame_names: File names without suffix, in the order of ``meta_expressions.json``.
        frame_paths: One image file per frame, same order.
        height: Rows of every frame, in pixels.
        width: Columns of every frame, in pixels.
    """

    id: str
    frame_names: tuple[str, ...]
    frame_paths: tuple[Path, ...]
    height: int
    width: int

    def __post_init__(self) -> None:
        check_video_size(len(self.frame_paths), self.height, self.width, f"video {self.id}")

    def __len__(self) -> int:
        return len(self.frame_paths)

    def frame(self, index: int) -> NDArray[np.uint8]:
        """Decode one frame.

        Returns:
            RGB, shape ``(height, width, 3)``, values 0..255.

        Raises:
            DataError: The file is missing, broken, not a JPEG or PNG, or not of the video's size; nothing is decoded
                before the size is compared.
        """
        import numpy as np

        path = self.frame_paths[index]
        with open_image(path, str(path)) as image:
            if image.size != (self.width, self.height):
                size = f"{image.width}x{image.height}"
                raise DataError(f"frame is {size}, the video is {self.width}x{self.height}", location=str(path))
            return np.asarray(image.convert("RGB"))

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """Decode the frames one by one, in order; holds at most one at a time."""
        for index in range(len(self)):
            yield self.frame(index)

    def chunks(self, size: int) -> Iterator[NDArray[np.uint8]]:
        """Decode ``size`` frames at a time, in order.

        Args:
            size: Frames per chunk, >= 1.

        Yields:
            RGB, shape ``(n, height, width, 3)``, values 0..255; ``n = size``, less in the last chunk.

        Raises:
            DataError: See ``frame``.
        """
        import numpy as np

        for start in range(0, len(self), size):
            yield np.stack([self.frame(index) for index in range(start, min(start + size, len(self)))])
