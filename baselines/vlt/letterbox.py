"""VLT's input square: a frame scaled to fit, in the middle of gray; and the inverse."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

GRAY = 0.5


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Place of frames of one size in the square.

    Attributes:
        height: Of the frames, in pixels.
        width: Of the frames.
        side: Of the square.
    """

    height: int
    width: int
    side: int

    @property
    def inner(self) -> tuple[int, int]:
        """Height and width of the scaled frame."""
        scale = min(self.side / self.height, self.side / self.width)
        return max(1, int(self.height * scale)), max(1, int(self.width * scale))

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the scaled frame in the square."""
        height, width = self.inner
        top, left = (self.side - height) // 2, (self.side - width) // 2
        return slice(top, top + height), slice(left, left + width)

    def apply(self, frames: Tensor) -> Tensor:
        """Scale uint8 RGB ``(t, height, width, 3)``, bicubic: ``(t, 3, side, side)`` in 0..1."""
        pixels = frames.permute(0, 3, 1, 2).float()
        scaled = F.interpolate(pixels, size=self.inner, mode="bicubic", align_corners=False).round().clamp(0, 255) / 255
        square = scaled.new_full((len(frames), 3, self.side, self.side), GRAY)
        rows, columns = self.window
        square[:, :, rows, columns] = scaled
        return square

    def place(self, maps: Tensor) -> Tensor:
        """Place maps of the scaled frames at stride 4, ``(t, c, h, w)``: ``(t, c, side / 4, side / 4)``, 0 outside."""
        square = maps.new_zeros((*maps.shape[:2], self.side // 4, self.side // 4))
        rows, columns = self.window
        top, left = rows.start // 4, columns.start // 4
        square[:, :, top : top + maps.shape[2], left : left + maps.shape[3]] = maps
        return square

    def targets(self, masks: Tensor) -> Tensor:
        """Scale masks, bool ``(t, height, width)``: 0 or 1, float ``(t, side / 2, side / 2)``, 0 outside the frame."""
        square = masks.new_zeros((len(masks), self.side, self.side), dtype=torch.float32)
        rows, columns = self.window
        square[:, rows, columns] = torch.gt(_scaled(masks[:, None].float(), self.inner)[:, 0], 0.5).float()
        return square[:, ::2, ::2]

    def undo(self, logits: Tensor, threshold: float) -> Tensor:
        """Cut the frames out of mask logits ``(t, h, w)`` of the square at any stride: bool ``(t, height, width)``.

        A pixel is true where its probability, scaled bilinearly to the square's size and then to the frame's, exceeds
        ``threshold``.
        """
        rows, columns = self.window
        square = _scaled(logits.sigmoid()[:, None], (self.side, self.side))
        whole = _scaled(square[:, :, rows, columns], (self.height, self.width))
        return torch.gt(whole[:, 0], threshold)


def _scaled(maps: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
