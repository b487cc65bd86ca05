"""Maps of a clip that were computed before the network, in place of its frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class PreparedMaps:
    """A clip after a backbone; networks take it where they take frames ``(t, 3, H, W)``.

    Attributes:
        maps: Maps of strides 4, 8, 16 and 32, ``(t, c, h, w)`` each.
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

    @property
    def device(self) -> torch.device:
        """Device of the maps."""
        return self.maps[0].device


ClipInput = Tensor | PreparedMaps
"""Input of networks: normalized frames ``(t, 3, H, W)``, or their maps."""


def select_frames(clip: ClipInput, frames: slice | Tensor) -> ClipInput:
    """Select frames of a clip by a slice or by their numbers, int64."""
    return clip.at(frames) if isinstance(clip, PreparedMaps) else clip[frames]
