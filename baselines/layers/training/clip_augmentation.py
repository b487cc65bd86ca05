"""Augmentation of a training clip: one draw for all of its frames, objects and sentences.

The transforms of DETR (Carion et al., ECCV 2020) and its followers (VisTR, ReferFormer, MTTR, WNet). Sizes are rows and
columns in pixels. Images are resized as in `baselines.layers.inputs.resize`, masks take the nearest pixel.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from baselines.layers.inputs.resize import IMAGENET_MEAN, IMAGENET_STD, Size, resize, shortest_edge_capped
from baselines.layers.training.clip_sampling import Augmentation, SampledClip


@dataclass(frozen=True, slots=True)
class Compose:
    """Transforms one after the other."""

    steps: tuple[Augmentation, ...]

    def __call__(self, clip: SampledClip, rng: np.random.Generator) -> SampledClip:
        """Apply them."""
        for step in self.steps:
            clip = step(clip, rng)
        return clip


@dataclass(frozen=True, slots=True)
class RandomSelect:
    """One of two transforms, each with probability one half."""

    first: Augmentation
    second: Augmentation

    def __call__(self, clip: SampledClip, rng: np.random.Generator) -> SampledClip:
        """Apply one."""
        return (self.first if rng.random() < 0.5 else self.second)(clip, rng)


@dataclass(frozen=True, slots=True)
class LowerCase:
    """Sentences in lower case with single spaces, as all these authors train."""

    def __call__(self, clip: SampledClip, rng: np.random.Generator) -> SampledClip:
        """Change the sentences."""
        sentences = (replace(sentence, text=" ".join(sentence.text.lower().split())) for sentence in clip.sentences)
        return replace(clip, sentences=tuple(sentences))


def swap_sides(sentence: str) -> str:
    """Exchange "left" and "right" wherever they occur, also inside of words, as the authors do."""
    return re.sub("left|right", lambda found: "right" if found[0] == "left" else "left", sentence)


@dataclass(frozen=True, slots=True)
class RandomHorizontalFlip:
    """Mirror the clip with probability one half.

    Attributes:
        swap_words: Whether left and right are exchanged in the sentences; never in their recordings.
    """

    swap_words: bool

    def __call__(self, clip: SampledClip, rng: np.random.Generator) -> SampledClip:
        """Mirror it, or not."""
        if rng.random() >= 0.5:
            return clip
        width = clip.size[1]
        left, top, right, bottom = np.moveaxis(clip.boxes, -1, 0)
        sentences = clip.sentences
        if self.swap_words:
            sentences = tuple(replace(sentence, text=swap_sides(sentence.text)) for sentence in sentences)
        return replace(
            clip,
            images=clip.images[:, :, ::-1],
            masks=clip.masks[..., ::-1],
            boxes=np.stack((width - right, top, width - left, bottom), -1),
            sentences=sentences,
        )


@dataclass(frozen=True, slots=True)
class RandomTimeReversal:
    """Turn the order of the frames around with a probability, 0..1; the sentences stay."""

    probability: float

    def __call__(self, clip: SampledClip, rng: np.random.Generator) -> SampledClip:
        """Reverse it, or not."""
        if rng.random() >= self.probability:
            return clip
        return replace(
            clip,
            frames=clip.frames[::-1],
            images=clip.images[::-1],
            masks=clip.masks[:, ::-1],
            boxes=clip.boxes[:, ::-1],
        )


@dataclass(frozen=True, slots=True)
class RandomResize:
    """Resize to one of some short sides; ``longest`` bounds the long side (DETR's rule), ``None``: no bound."""

    sizes: tuple[int, ...]
    longest: int | None = None

    def __call__(self, clip: SampledClip, rng: np.random.Generator) -> SampledClip:
        """Resize it."""
        short = self.sizes[int(rng.integers(len(self.sizes)))]
        height, width = clip.size
        longest = short * max(height, width) if self.longest is None else self.longest
        return resized(clip, shortest_edge_capped(height, width, short, longest))


@dataclass(frozen=True, slots=True)
class RandomSizeCrop:
    """Crop a rectangle whose sides are drawn from ``smallest`` to ``largest``, at most the clip's; same in all frames.

    A clip with a side below ``smallest`` keeps that side.

    Attributes:
        smallest: Of a side.
        largest: Of a side.
        clip_boxes: Whether boxes end with the crop; else they reach as far out of it as the object does.
    """

    smallest: int
    largest: int
    clip_boxes: bool = True

    def __call__(self, clip: SampledClip, rng: np.random.Generator) -> SampledClip:
        """Crop it."""
        width, height = (
            int(rng.integers(min(self.smallest, side), min(side, self.largest) + 1)) for side in reversed(clip.size)
        )
        top = int(rng.integers(clip.size[0] - height + 1))
        left = int(rng.integers(clip.size[1] - width + 1))
        rows, columns = slice(top, top + height), slice(left, left + width)
        boxes = clip.boxes - np.array([left, top, left, top], np.float32)
        if self.clip_boxes:
            boxes = boxes.clip(0, np.array([width, height, width, height], np.float32))
        return replace(
            clip,
            images=clip.images[:, rows, columns],
            masks=clip.masks[..., rows, columns],
            boxes=boxes,
        )


@dataclass(frozen=True, slots=True)
class MovingCrop:
    """Crop a rectangle whose sides are drawn from ``smallest`` to ``largest``, at most the clip's, and that moves.

    Its corner moves from a random start to a random end, evenly over the frames (VITA's clip crop).
    """

    smallest: int
    largest: int

    def __call__(self, clip: SampledClip, rng: np.random.Generator) -> SampledClip:
        """Crop it."""
        height, width = (int(rng.integers(min(self.smallest, side), min(side, self.largest) + 1)) for side in clip.size)
        room = np.array([clip.size[0] - height, clip.size[1] - width])
        start, end = rng.integers(room + 1), rng.integers(room + 1)
        corners = np.linspace(start, end, len(clip.images)).round().astype(int).tolist()
        parts = [(slice(top, top + height), slice(left, left + width)) for top, left in corners]
        offsets = np.array([(left, top, left, top) for top, left in corners], np.float32)
        return replace(
            clip,
            images=np.stack([image[part] for image, part in zip(clip.images, parts, strict=True)]),
            masks=np.stack([clip.masks[:, frame, *part] for frame, part in enumerate(parts)], axis=1),
            boxes=(clip.boxes - offsets).clip(0, np.array([width, height, width, height], np.float32)),
        )


@dataclass(frozen=True, slots=True)
class PhotometricDistort:
    """Change brightness, contrast, saturation, hue and the order of the channels, drawn separately for every frame.

    Each change has probability one half: brightness by up to 32, contrast and saturation by 0.5..1.5, hue by up to 18
    degrees; contrast comes before or after the colors. Values are not clipped but wrap around in uint8, as in the
    authors' code.
    """

    def __call__(self, clip: SampledClip, rng: np.random.Generator) -> SampledClip:
        """Distort every frame."""
        return replace(clip, images=np.stack([_distort(image, rng) for image in clip.images]))


def _distort(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    pixels = image.astype(np.float32)
    if rng.random() < 0.5:
        pixels = pixels + np.float32(rng.uniform(-32, 32))
    contrast_first = rng.random() < 0.5
    contrast = np.float32(rng.uniform(0.5, 1.5) if rng.random() < 0.5 else 1.0)
    saturation = float(rng.uniform(0.5, 1.5)) if rng.random() < 0.5 else 1.0
    hue = float(rng.uniform(-18, 18)) if rng.random() < 0.5 else 0.0
    if contrast_first:
        pixels = pixels * contrast
    if saturation != 1.0 or hue != 0.0:
        pixels = change_color(pixels, saturation, hue)
    if not contrast_first:
        pixels = pixels * contrast
    if rng.random() < 0.5:
        pixels = pixels[..., rng.permutation(3)]
    return pixels.astype(np.int64).astype(np.uint8)


def change_color(pixels: NDArray[np.float32], saturation: float, hue: float) -> NDArray[np.float32]:
    """Scale saturation and turn hue in the HSV model.

    Args:
        pixels: RGB, float32 ``(..., 3)``, any range.
        saturation: Factor; the saturation is not clipped.
        hue: Degrees.
    """
    red, green, blue = np.moveaxis(pixels, -1, 0)
    value, smallest = pixels.max(-1), pixels.min(-1)
    chroma = value - smallest
    safe = np.where(chroma == 0, 1, chroma)
    sector = np.where(
        value == red,
        (green - blue) / safe,
        np.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    sector = (sector + hue / 60) % 6
    chroma = chroma * saturation
    # The distance of each channel from the value, piecewise linear in the hue (HSV to RGB in one formula).
    channels = []
    for offset in (5, 3, 1):
        turn = (offset + sector) % 6
        channels.append(value - chroma * np.clip(np.minimum(turn, 4 - turn), 0, 1))
    return np.stack(channels, -1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class ResizeBy:
    """Resize to the size that a rule returns for rows and columns."""

    rule: Callable[[int, int], Size]

    def __call__(self, clip: SampledClip, rng: np.random.Generator) -> SampledClip:
        """Resize it."""
        return resized(clip, self.rule(*clip.size))


def resized(clip: SampledClip, size: tuple[int, int]) -> SampledClip:
    """Resize images bilinearly and masks to the nearest pixel, as ``torch.nn.functional.interpolate`` rounds."""
    height, width = clip.size
    if clip.size == size:
        return clip
    scale = np.array([size[1] / width, size[0] / height] * 2, np.float32)
    # floor(i * old / new) in float32, torch's rule
    rows = (np.arange(size[0], dtype=np.float32) * np.float32(height / size[0])).astype(np.int64)
    columns = (np.arange(size[1], dtype=np.float32) * np.float32(width / size[1])).astype(np.int64)
    return replace(
        clip,
        images=np.stack([resize(np.ascontiguousarray(image), size) for image in clip.images]),
        masks=clip.masks[:, :, rows.clip(max=height - 1)[:, None], columns.clip(max=width - 1)],
        boxes=clip.boxes * scale,
    )


def normalized(clip: SampledClip) -> Tensor:
    """Images as float32 ``(t, 3, h, w)``: RGB in 0..1, minus ImageNet's mean, divided by its standard deviation."""
    images = torch.from_numpy(np.ascontiguousarray(clip.images)).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in (IMAGENET_MEAN, IMAGENET_STD))
    return (images - mean) / std


def padded_size(clips: Sequence[SampledClip], multiple: int) -> tuple[int, int]:
    """Smallest common size of all clips whose sides are multiples of ``multiple``."""
    height, width = (max(clip.size[axis] for clip in clips) for axis in (0, 1))
    return -(-height // multiple) * multiple, -(-width // multiple) * multiple


def padded(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Pad images ``(..., h, w)`` with zeros right and bottom to ``size``."""
    return F.pad(images, (0, size[1] - images.shape[-1], 0, size[0] - images.shape[-2]))
