"""Input of captioners: a few frames of a video with highlighted targets, each resized to a square (VideoLLaMA 2, GIT).

Preprocessing follows the image processors of CLIP and SigLIP in transformers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from baselines.layers.inputs.marks import MarkStyle, crop_window
from baselines.layers.options import CaptionOptions
from mevis_bench.records import HighlightedVideo, Video

Fit = Literal["crop", "pad", "squash"]

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
"""RGB mean of CLIP's training images, values 0..1."""
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
"""RGB standard deviation of CLIP's training images, values 0..1."""


def sample_frames(length: int, count: int) -> list[int]:
    """Middles of ``count`` equal segments of a video of ``length`` frames, halves rounded up.

    VideoLLaMA 2's rule. Frames repeat if the video has fewer than ``count``.
    """
    segment = (length - 1) / count
    return [int(np.round((index + 0.5) * segment + 1e-6)) for index in range(count)]


@dataclass(frozen=True, slots=True)
class Square:
    """Conversion of a frame to a network's square input.

    Attributes:
        side: Side of the square, in pixels.
        fit: ``crop``: short side scaled to ``side``, center crop (CLIP's processor); ``pad``: padded to a square with
            the mean color, then scaled; ``squash``: both sides scaled (SigLIP's processor).
        mean: RGB mean of the network's input, 0..1.
        std: RGB standard deviation, 0..1.
        resampling: Filter of the scaling; all are antialiased.
    """

    side: int
    fit: Fit
    mean: tuple[float, float, float] = CLIP_MEAN
    std: tuple[float, float, float] = CLIP_STD
    resampling: Image.Resampling = Image.Resampling.BICUBIC

    def resize(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize RGB ``(h, w, 3)`` to ``(side, side, 3)``."""
        image, side = Image.fromarray(pixels), self.side
        width, height = image.size
        if self.fit == "pad":
            longest = max(image.size)
            padded = Image.new("RGB", (longest, longest), tuple(int(value * 255) for value in self.mean))
            padded.paste(image, ((longest - width) // 2, (longest - height) // 2))
            image = padded
        if self.fit != "crop":
            return np.array(image.resize((side, side), self.resampling))
        left, top, scaled = self._crop(height, width)
        resized = image.resize(scaled, self.resampling)
        return np.array(resized.crop((left, top, left + side, top + side)))

    def normalize(self, squares: NDArray[np.uint8]) -> Tensor:
        """Normalize uint8 ``(..., side, side, 3)`` to float32 ``(..., 3, side, side)``."""
        pixels = torch.from_numpy(squares).movedim(-1, -3).float() / 255
        mean, std = (torch.tensor(value).view(3, 1, 1) for value in (self.mean, self.std))
        return (pixels - mean) / std

    def count_visible(self, mask: NDArray[np.bool_]) -> tuple[int, int]:
        """Count the pixels of a mask ``(h, w)`` whose center is inside the square, and all pixels."""
        total = int(mask.sum())
        if self.fit != "crop":
            return total, total
        height, width = mask.shape
        left, top, (across, down) = self._crop(height, width)
        columns = (np.arange(width) + 0.5) * across / width
        rows = (np.arange(height) + 0.5) * down / height
        inside = mask[(rows >= top) & (rows < top + self.side)]
        return int(inside[:, (columns >= left) & (columns < left + self.side)].sum()), total

    def _crop(self, height: int, width: int) -> tuple[int, int, tuple[int, int]]:
        """Left and top of the crop, and the width and height of the scaled frame."""
        side = self.side
        across, down = (side, int(side * height / width)) if width <= height else (int(side * width / height), side)
        return (across - side) // 2, (down - side) // 2, (across, down)


@dataclass(frozen=True, slots=True)
class CaptionView:
    """Selection and preprocessing of a captioner's frames.

    Attributes:
        frames: Number of frames.
        square: Preprocessing of each.
        sample: Indices of the frames, from the length of the video and their number.
        close_ups: Frames, by number, that are cut to the largest highlighted target; whole where none is visible.
    """

    frames: int
    square: Square
    sample: Callable[[int, int], list[int]] = sample_frames
    close_ups: tuple[int, ...] = ()

    def look(self, video: HighlightedVideo, number: int, index: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Decode frame ``index`` as the view's frame ``number``: RGB ``(h, w, 3)`` and its target mask ``(h, w)``."""
        pixels, mask = video.frame(index), video.target_mask(index)
        if number in self.close_ups:
            objects = [rle.decode(video.id) for rles in video.target.objects if (rle := rles[index]) is not None]
            largest = max(objects, key=lambda target: int(target.sum()), default=mask)
            left, top, right, bottom = crop_window(largest[None], MarkStyle().margin)
            pixels, mask = pixels[top:bottom, left:right], mask[top:bottom, left:right]
        return pixels, mask

    def load(self, video: Video) -> tuple[Tensor, float | None]:
        """Decode and preprocess a video's frames.

        Returns:
            Normalized float32 ``(t, 3, side, side)``; and, for a video with highlighted targets, the fraction of their
            pixels in these frames that is inside the squares (``None`` without such pixels or targets).
        """
        indices = self.sample(len(video), self.frames)
        if not isinstance(video, HighlightedVideo):
            return self.square.normalize(np.stack([self.square.resize(video.frame(index)) for index in indices])), None
        frames, visible, total = [], 0, 0
        for number, index in enumerate(indices):
            pixels, mask = self.look(video, number, index)
            frames.append(self.square.resize(pixels))
            counts = self.square.count_visible(mask)
            visible, total = visible + counts[0], total + counts[1]
        return self.square.normalize(np.stack(frames)), visible / total if total else None


@dataclass(frozen=True, slots=True)
class Highlight:
    """Color of the highlighted targets.

    Attributes:
        color: Red, green, blue, each 0..255.
        alpha: Opacity, 0..1.
    """

    color: tuple[int, int, int]
    alpha: float

    @classmethod
    def from_options(cls, options: CaptionOptions) -> "Highlight":
        """Take it from a variant's options."""
        red, green, blue = options.color
        return cls((red, green, blue), options.alpha)
