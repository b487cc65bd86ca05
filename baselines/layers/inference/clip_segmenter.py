"""Drive a network that segments a clip at a time (ReferFormer, MUTR, MTTR, WNet): the harness's ``Method``.

Each clip is read, resized and encoded once and answers all prompts before the next one is touched, so memory follows
the clip's length and not the video's.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from baselines.layers.inputs.resize import IMAGENET_MEAN, IMAGENET_STD, Size, resize
from baselines.layers.options import ClipOptions
from mevis_bench.records import MaskPrediction, Prompt, Video

TextT = TypeVar("TextT")
ClipT = TypeVar("ClipT")
AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """How a video becomes clips; the part of a variant's options that all these methods share.

    Attributes:
        short: Short side of the frames that the network sees, in pixels.
        clip_length: Frames of a clip at most; ``None``: the whole video is one clip.
        sampling: Clips are pieces one after the other (``consecutive``), or each takes every k-th frame
            (``interleaved``).
        precision: ``float32``, or ``bfloat16`` or ``float16`` for automatic mixed precision.
    """

    short: int
    clip_length: int | None
    sampling: str
    precision: str

    @classmethod
    def from_options(cls, options: ClipOptions) -> "ClipSettings":
        """Take them from a variant's options."""
        return cls(options.short, options.clip_length, options.sampling, options.precision)

    def clips(self, frames: int) -> list[range]:
        """Frame indices of every clip of a video with ``frames`` frames."""
        if self.clip_length is None:
            return [range(frames)]
        cut = interleaved if self.sampling == "interleaved" else consecutive
        return cut(frames, self.clip_length)


def consecutive(frames: int, length: int) -> list[range]:
    """Cut into pieces of ``length`` frames; the last one may be shorter."""
    return [range(first, min(first + length, frames)) for first in range(0, frames, length)]


def interleaved(frames: int, length: int) -> list[range]:
    """Spread every clip over the whole video.

    With k clips, clip j takes the frames j, j + k, j + 2 k, ... where k is ``frames / length`` rounded up, but no
    more than the number of frames.
    """
    step = -(-frames // length)
    return [range(first, frames, step) for first in range(min(step, frames))]


class ClipModel(Protocol[TextT, ClipT, AnswerT]):
    """What the driver needs of a method."""

    @property
    def network(self) -> nn.Module:
        """The network, in evaluation mode."""
        ...

    def input_size(self, height: int, width: int, short: int) -> Size:
        """Rows and columns at which the network sees frames of ``height`` x ``width``."""
        ...

    def read(self, prompt: Prompt) -> TextT:
        """Encode a prompt."""
        ...

    def encode(self, frames: Tensor) -> ClipT:
        """Encode normalized frames ``(t, 3, h, w)``, once for all prompts."""
        ...

    def answer(self, clip: ClipT, text: TextT) -> AnswerT:
        """Answer one prompt in one clip. What is returned is kept until the last clip is done: it should be small."""
        ...

    def draw(self, answers: Sequence[AnswerT], size: Size) -> tuple[list[Tensor], float | None]:
        """Make masks of the answers in all clips.

        Returns:
            For every clip bool ``(t, *size)``, and the method's confidence that there is a target, where it has one.
        """
        ...


class ClipSegmenter(Generic[TextT, ClipT, AnswerT]):
    """Answers prompts about a video with one network."""

    def __init__(self, model: ClipModel[TextT, ClipT, AnswerT], settings: ClipSettings, device: str) -> None:
        self.model, self.settings = model, settings
        self.network = model.network  # the harness counts the parameters of what it finds here
        self.device = torch.device(device)

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Yield one prediction per prompt, all while the last clip is at hand."""
        texts = [self._read(prompt) for prompt in prompts]
        answers: list[list[AnswerT]] = [[] for _ in prompts]
        clips = self.settings.clips(len(video))
        for frames in clips:
            clip = self._encode(video, frames)
            for text, known in zip(texts, answers, strict=True):
                known.append(self._answer(clip, text))
                if frames is clips[-1]:
                    yield self._draw(video, clips, known)
                    known.clear()

    def close(self) -> None:
        """Nothing is held between videos."""

    @torch.inference_mode()
    def _read(self, prompt: Prompt) -> TextT:
        with self._precision():
            return self.model.read(prompt)

    @torch.inference_mode()
    def _encode(self, video: Video, frames: range) -> ClipT:
        size = self.model.input_size(video.height, video.width, self.settings.short)
        with self._precision():
            return self.model.encode(read_clip(video, frames, size, self.device))

    @torch.inference_mode()
    def _answer(self, clip: ClipT, text: TextT) -> AnswerT:
        with self._precision():
            return self.model.answer(clip, text)

    @torch.inference_mode()
    def _draw(self, video: Video, clips: Sequence[range], answers: Sequence[AnswerT]) -> MaskPrediction:
        drawn, score = self.model.draw(answers, (video.height, video.width))
        masks = np.zeros((len(video), video.height, video.width), dtype=bool)
        for frames, part in zip(clips, drawn, strict=True):
            masks[frames.start : frames.stop : frames.step] = part.cpu().numpy()
        return MaskPrediction(masks, target_score=score)

    def _precision(self) -> AbstractContextManager[object]:
        dtype = getattr(torch, self.settings.precision)
        return torch.autocast(self.device.type, dtype, enabled=dtype is not torch.float32)


def read_clip(video: Video, frames: Sequence[int], size: Size, device: torch.device) -> Tensor:
    """Decode, resize and normalize frames of a video.

    Returns:
        float32 ``(t, 3, *size)``: RGB in 0..1, minus ImageNet's mean, divided by its standard deviation.
    """
    pixels = np.stack([resize(video.frame(index), size) for index in frames])
    clip = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(constant, device=device).view(3, 1, 1) for constant in (IMAGENET_MEAN, IMAGENET_STD))
    return (clip - mean) / std
