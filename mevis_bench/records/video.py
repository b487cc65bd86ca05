"""A video as a method sees it: names and paths; frames are decoded when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mevis_bench.records.errors import DataError

if TYPE_CHECKING:  # numpy alone would double the time that help and lists take to start
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Video:
    """The frames of one video, in order, not yet decoded.

    Holds no truth, so no method can leak it.

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

    def __len__(self) -> int:
        return len(self.frame_paths)

    def frame(self, index: int) -> NDArray[np.uint8]:
        """Decode one frame.

        Returns:
            RGB, shape ``(height, width, 3)``, values 0..255.

        Raises:
            DataError: The file is missing, broken, or not of the video's size.
        """
        import numpy as np
        from PIL import Image

        path = self.frame_paths[index]
        try:
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError, ValueError) as error:
            raise DataError(f"frame can't be read: {error}", location=str(path)) from error
        if pixels.shape != (self.height, self.width, 3):
            raise DataError(
                f"frame is {pixels.shape[1]}x{pixels.shape[0]}, the video is {self.width}x{self.height}",
                location=str(path),
            )
        return pixels

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """Decode the frames one by one, in order; at most one is held here at a time."""
        for index in range(len(self)):
            yield self.frame(index)
