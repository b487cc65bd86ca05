"""A video with target objects highlighted, for captioners that do not take masks (RMEG).

The paper, section 5.7: "we highlight the target object with a semitransparent mask throughout the video". It gives
neither color nor opacity, so a method's options hold both.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from mevis_bench.records.errors import DataError
from mevis_bench.records.prompt import TargetMasks
from mevis_bench.records.video import Video

if TYPE_CHECKING:  # numpy alone would double the time that help and lists take to start
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class HighlightedVideo(Video):
    """A video whose frames show where the targets are.

    Attributes:
        target: The objects that are painted over.
        color: Red, green, blue, each 0..255.
        alpha: Opacity of the color, 0..1.
    """

    target: TargetMasks
    color: tuple[int, int, int]
    alpha: float

    @classmethod
    def of(cls, video: Video, target: TargetMasks, color: tuple[int, int, int], alpha: float) -> HighlightedVideo:
        """Highlight targets in a video."""
        known = {field.name: getattr(video, field.name) for field in fields(Video)}
        return cls(**known, target=target, color=color, alpha=alpha)

    def frame(self, index: int) -> NDArray[np.uint8]:
        """Decode one frame, targets painted over: RGB ``(height, width, 3)``, values 0..255."""
        return self.paint(Video.frame(self, index), index)

    def paint(self, pixels: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        """Return a copy of an already decoded frame, targets painted over."""
        return blend(pixels, self.target_mask(index), self.color, self.alpha)

    def target_mask(self, index: int) -> NDArray[np.bool_]:
        """Union of the targets in one frame: bool ``(height, width)``, all ``False`` where all are absent.

        Raises:
            DataError: A mask is broken or not of the video's size.
        """
        import numpy as np

        union = np.zeros((self.height, self.width), bool)
        for masks in self.target.objects:
            rle = masks[index]
            if rle is None:
                continue
            location = f"{self.id}/{self.target.id}, frame {index}"
            if (rle.height, rle.width) != union.shape:
                size = f"{rle.width}x{rle.height}"
                raise DataError(f"mask is {size}, the video is {self.width}x{self.height}", location=location)
            union |= rle.decode(location)
        return union


def blend(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_], color: tuple[int, int, int], alpha: float
) -> NDArray[np.uint8]:
    """Return a copy of RGB ``(h, w, 3)`` in which the pixels of a mask ``(h, w)`` are blended with a color.

    Args:
        pixels: Values 0..255.
        mask: bool.
        color: Red, green, blue, each 0..255.
        alpha: Opacity of the color, 0..1.
    """
    import numpy as np

    pixels = pixels.copy()
    blended = (1 - alpha) * pixels[mask] + alpha * np.array(color)
    pixels[mask] = np.rint(blended).astype(np.uint8)
    return pixels
