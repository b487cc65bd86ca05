"""``Method`` of networks that segment one clip at a time (ReferFormer, MUTR, MTTR, WNet).

Each clip is decoded, resized and encoded once and segmented for all prompts before the next one, so memory depends on
the clip's length, not on the video's.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from baselines.layers.inputs.resize import IMAGENET_MEAN, IMAGENET_STD, Size, resize
from baselines.layers.nn.prepared_maps import ClipInput
from baselines.layers.options import ClipOptions
from mevis_bench.records import MaskPrediction, Prompt, UsageError, Video

TextT = TypeVar("TextT")
ClipT = TypeVar("ClipT")
OutputT = TypeVar("OutputT")


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """Partition of a video into clips, and preprocessing; options that all these methods share.

    Attributes:
        short: Short side of the network's input, in pixels.
        clip_length: Maximum frames per clip; ``None``: the whole video is one clip.
        sampling: ``consecutive``: clips follow each other; ``interleaved``: each takes every k-th frame.
        precision: ``float32``, or ``bfloat16`` or ``float16`` for automatic mixed precision.
        candidates: Whether predictions hold the masks and scores of all queries.
    """

    short: int
    clip_length: int | None
    sampling: str
    precision: str
    candidates: bool = False

    @classmethod
    def from_options(cls, options: ClipOptions) -> "ClipSettings":
        """Take them from a variant's options."""
        return cls(options.short, options.clip_length, options.sampling, options.precision, options.candidates)

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
    """Distribute every clip over the whole video.

    With k clips, clip j takes the frames j, j + k, j + 2 k, ... where k is ``frames / length`` rounded up, at
    most ``frames``.
    """
    step = -(-frames // length)
    return [range(first, frames, step) for first in range(min(step, frames))]


class ClipModel(Protocol[TextT, ClipT, OutputT]):
    """Network with a method's inference protocol."""

    @property
    def network(self) -> nn.Module:
        """The network, in evaluation mode."""
        ...

    def input_size(self, height: int, width: int, short: int) -> Size:
        """Rows and columns of the network's input for frames of ``height`` x ``width``."""
        ...

    def encode_prompt(self, prompt: Prompt) -> TextT:
        """Encode a prompt."""
        ...

    def encode_clip(self, frames: ClipInput) -> ClipT:
        """Encode normalized frames ``(t, 3, h, w)``, or their maps."""
        ...

    def segment(self, clip: ClipT, text: TextT) -> OutputT:
        """Segment the object of one prompt in one clip; outputs are kept until the last clip."""
        ...

    def postprocess(self, outputs: Sequence[OutputT], size: Size) -> tuple[list[Tensor], float | None]:
        """Convert the outputs of all clips to masks.

        Returns:
            Masks per clip, bool ``(t, *size)``, and the probability of a target, ``None`` if not predicted.
        """
        ...


@runtime_checkable
class QueryModel(Protocol):
    """A :class:`ClipModel` whose queries are candidates of an answer."""

    def candidates(self, outputs: Sequence[Any], size: Size) -> Iterator[tuple[list[Tensor], float]]:
        """Yield, for every query, its masks per clip, bool ``(t, *size)``, and its score in 0..1."""
        ...


class ClipSegmenter(Generic[TextT, ClipT, OutputT]):
    """Segmentation of a video's prompts with one network."""

    def __init__(self, model: ClipModel[TextT, ClipT, OutputT], settings: ClipSettings, device: str) -> None:
        if settings.candidates and not isinstance(model, QueryModel):
            raise UsageError("this method has one answer, not several candidates", location="method.candidates")
        self.model, self.settings = model, settings
        self.network = model.network  # the harness counts the parameters of this attribute
        self.device = torch.device(device)

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Yield one prediction per prompt, during the last clip."""
        texts = [self._encode_prompt(prompt) for prompt in prompts]
        outputs: list[list[OutputT]] = [[] for _ in prompts]
        clips = self.settings.clips(len(video))
        for frames in clips:
            clip = self._encode_clip(video, frames)
            for text, text_outputs in zip(texts, outputs, strict=True):
                text_outputs.append(self._segment(clip, text))
                if frames is clips[-1]:
                    yield self._postprocess(video, clips, text_outputs)
                    text_outputs.clear()

    def close(self) -> None:
        """No-op."""

    @torch.inference_mode()
    def _encode_prompt(self, prompt: Prompt) -> TextT:
        with self._precision():
            return self.model.encode_prompt(prompt)

    @torch.inference_mode()
    def _encode_clip(self, video: Video, frames: range) -> ClipT:
        size = self.model.input_size(video.height, video.width, self.settings.short)
        with self._precision():
            return self.model.encode_clip(read_clip(video, frames, size, self.device))

    @torch.inference_mode()
    def _segment(self, clip: ClipT, text: TextT) -> OutputT:
        with self._precision():
            return self.model.segment(clip, text)

    @torch.inference_mode()
    def _postprocess(self, video: Video, clips: Sequence[range], outputs: Sequence[OutputT]) -> MaskPrediction:
        clip_masks, score = self.model.postprocess(outputs, (video.height, video.width))
        masks = _assemble(video, clips, clip_masks)
        if not self.settings.candidates:
            return MaskPrediction(masks, target_score=score)
        assert isinstance(self.model, QueryModel), "checked when it was built"
        candidates = tuple(
            (_assemble(video, clips, query_masks), query_score)
            for query_masks, query_score in self.model.candidates(outputs, (video.height, video.width))
        )
        return MaskPrediction(masks, target_score=score, candidates=candidates)

    def _precision(self) -> AbstractContextManager[object]:
        dtype = getattr(torch, self.settings.precision)
        return torch.autocast(self.device.type, dtype, enabled=dtype is not torch.float32)


def _assemble(video: Video, clips: Sequence[range], clip_masks: Sequence[Tensor]) -> NDArray[np.bool_]:
    """Return the masks of all clips in the order of the video's frames."""
    masks = np.zeros((len(video), video.height, video.width), dtype=bool)
    for frames, part in zip(clips, clip_masks, strict=True):
        masks[frames.start : frames.stop : frames.step] = part.cpu().numpy()
    return masks


def read_clip(video: Video, frames: Sequence[int], size: Size, device: torch.device) -> Tensor:
    """Decode, resize and normalize frames of a video.

    Returns:
        float32 ``(t, 3, *size)``: RGB in 0..1, minus ImageNet's mean, divided by its standard deviation.
    """
    pixels = np.stack([resize(video.frame(index), size) for index in frames])
    clip = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(constant, device=device).view(3, 1, 1) for constant in (IMAGENET_MEAN, IMAGENET_STD))
    return (clip - mean) / std
