"""Maps of a clip that were computed before the network, in place of its frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

STRIDES = (4, 8, 16, 32)
"""Pixels per row and column of the cells of each map."""


@dataclass(frozen=True, slots=True, eq=False)
class PreparedMaps:
    """A clip after a backbone; networks take it where they take frames ``(t, 3, H, W)``.

    Attributes:
        maps: Maps of ``STRIDES``, ``(t, c, h, w)`` each.
        shape: ``(t, 3, H, W)`` of the frames.
    """

    maps: Sequence[Tensor]
    shape: tuple[int, int, int, int]

    def __len__(self) -> int:
        return self.shape[0]

    def split(self, size: int) -> "list[PreparedMaps]":
        """Cut into pieces of ``size`` frames, as `Tensor.split` does."""
        return [self.at(slice(first, first + size)) for first in range(0, len(self), size)]

    def at(self, frames: slice | Tensor) -> "PreparedMaps":
        """Select frames by a slice or by their numbers, int64."""
        maps = [level[frames] for level in self.maps]
        return PreparedMaps(maps, (len(maps[0]), *self.shape[1:]))

    def padded(self, height: int, width: int) -> "PreparedMaps":
        """Pad with zeros, right and bottom, to the maps of frames of ``height`` rows and ``width`` columns."""
        sizes = [(-(-height // stride), -(-width // stride)) for stride in STRIDES]
        maps = [F.pad(x, (0, w - x.shape[-1], 0, h - x.shape[-2])) for x, (h, w) in zip(self.maps, sizes, strict=True)]
        return PreparedMaps(maps, (*self.shape[:2], height, width))

    @property
    def device(self) -> torch.device:
        """Device of the maps."""
        return self.maps[0].device


ClipInput = Tensor | PreparedMaps
"""Input of networks: normalized frames ``(t, 3, H, W)``, or their maps."""


def select_frames(clip: ClipInput, frames: slice | Tensor) -> ClipInput:
    """Select frames of a clip by a slice or by their numbers, int64."""
    return clip.at(frames) if isinstance(clip, PreparedMaps) else clip[frames]
