"""Normalized frames of a video for transformers' video sessions, decoded one at a time."""

from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mevis_bench.records import Video


class FrameTensors(Mapping[int, Tensor]):
    """Frames by index; the latest one stays in memory.

    It replaces the ``processed_frames`` of transformers' sessions, which hold a whole video: 12 MB per frame of
    1008 x 1008 in float32.

    Args:
        video: The video.
        side: Both sides of a frame after the resize, in pixels; the aspect ratio is not kept.
        mean: RGB mean, 0..1.
        std: RGB standard deviation, 0..1.
        device: Of the tensors.
        dtype: Of the tensors.
    """

    def __init__(
        self,
        video: Video,
        side: int,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        device: torch.device | str,
        dtype: torch.dtype,
    ) -> None:
        self.video, self.side = video, side
        self._mean, self._std = (torch.tensor(value, device=device).view(3, 1, 1) for value in (mean, std))
        self._dtype = dtype
        self._latest: tuple[int, Tensor] | None = None

    def __len__(self) -> int:
        return len(self.video)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self)))

    def __getitem__(self, index: int) -> Tensor:
        """Return a frame, ``(3, side, side)``: bilinear with antialiasing, as transformers' processors.

        Raises:
            KeyError: No such frame.
            DataError: The frame's file is missing or broken.
        """
        if not 0 <= index < len(self):
            raise KeyError(index)
        if self._latest is None or self._latest[0] != index:
            pixels = (
                torch.from_numpy(self.video.frame(index).copy()).to(self._mean.device).permute(2, 0, 1).float() / 255
            )
            resized = F.interpolate(pixels[None], (self.side, self.side), mode="bilinear", antialias=True)[0]
            self._latest = index, ((resized - self._mean) / self._std).to(self._dtype)
        return self._latest[1]
