"""``Method`` of networks that match trajectory queries of a whole video with a sentence (LMPM, DsHmp).

Every frame gives queries and a fine map; the queries of all frames give trajectories; a trajectory's mask is the
product of its embedding with every frame's map. The maps are therefore needed twice: they stay in memory for the first
frames of a video and are recomputed, bit-identically, for the rest, so memory is bounded whatever the video's length.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from baselines.layers.inputs.resize import resize, shortest_edge_rounded
from baselines.layers.nn.trajectory_network import FrameFeatures, Sentence, SentenceT
from baselines.layers.options import QueryOptions
from mevis_bench.records import MaskPrediction, Prompt, Video

Rgb = tuple[float, float, float]
STRIDE = 32
"""Input sizes are padded to multiples of this."""
FRAMES_AT_ONCE = 5
"""Frames whose masks are upsampled together."""


@dataclass(frozen=True, slots=True)
class SegmenterSettings:
    """Preprocessing of frames and selection of trajectories.

    Attributes:
        short: Short side of the network's input, in pixels.
        longest: Upper bound of its long side.
        mean: RGB mean, values 0..255.
        std: RGB standard deviation, values 0..255.
        threshold: Minimum score of a trajectory, exclusive.
        chunk: Frames per forward pass; masks do not depend on it.
        kept: Frames whose maps stay in memory; those of later frames are recomputed.
        precision: ``float32``, or ``bfloat16`` or ``float16`` for automatic mixed precision.
        stride: The input is padded to multiples of this.
    """

    short: int
    longest: int
    mean: Rgb
    std: Rgb
    threshold: float
    chunk: int
    kept: int
    precision: str
    stride: int = STRIDE

    @classmethod
    def from_options(cls, options: QueryOptions, mean: Rgb, std: Rgb, stride: int = STRIDE) -> "SegmenterSettings":
        """Take them from a variant's options."""
        return cls(
            options.short,
            options.longest,
            mean,
            std,
            options.threshold,
            options.chunk,
            options.kept,
            options.precision,
            stride,
        )


ReadT = TypeVar("ReadT", bound=Sentence, contravariant=True)


class SegmentingNetwork(Protocol[ReadT]):
    """Interface of the networks: ``TrajectoryNetwork``, or one with other frames."""

    def stem(self, images: Tensor) -> Any:
        """Encode what does not depend on the sentence."""
        ...

    def encode_frames(self, stem: Any, sentence: ReadT) -> FrameFeatures:
        """Encode frames from the output of ``stem``."""
        ...

    def encode_clip(self, frame_queries: Tensor, sentence: ReadT) -> tuple[Tensor, Tensor]:
        """Match the frame queries of a whole video: class logits ``(k, 2)`` and mask embeddings ``(k, c)``."""
        ...

    def mask_features(self, fine: Tensor) -> Tensor:
        """Project fine maps for dot products with mask embeddings."""
        ...


class QuerySegmenter(Generic[SentenceT]):
    """Segmentation of a video's prompts with one trajectory network."""

    def __init__(
        self,
        network: SegmentingNetwork[SentenceT],
        read: Callable[[Prompt], SentenceT],
        settings: SegmenterSettings,
        device: str,
    ) -> None:
        self.network, self.read, self.settings = network, read, settings
        self.device = torch.device(device)

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Yield one prediction per prompt; frames are read, resized and run through the text-free stem once."""
        clip = self.prepare(torch.from_numpy(read_frames(video, self.settings)), (video.height, video.width))
        for prompt in prompts:
            yield self.segment(clip, prompt)

    def close(self) -> None:
        """No-op."""

    def reduce_memory(self) -> bool:
        """Halve ``chunk`` and ``kept`` after the device ran out of memory; ``False`` if the chunk is one frame."""
        if self.settings.chunk == 1:
            return False
        self.settings = replace(self.settings, chunk=self.settings.chunk // 2, kept=self.settings.kept // 2)
        return True

    def prepare(self, frames: Tensor, original: tuple[int, int]) -> "Clip":
        """Cut resized frames, uint8 ``(t, 3, h, w)``, into chunks and run the stem on those kept in memory."""
        spans = [
            slice(start, min(start + self.settings.chunk, len(frames)))
            for start in range(0, len(frames), self.settings.chunk)
        ]
        clip = Clip(frames, original, spans, {})
        with torch.inference_mode(), self._precision():
            for index, span in enumerate(spans):
                if span.stop <= self.settings.kept:
                    clip.stems[index] = self._stem(clip, index)
        return clip

    @torch.inference_mode()
    def segment(self, clip: "Clip", prompt: Prompt) -> MaskPrediction:
        """Segment the objects of one prompt."""
        with self._precision():
            sentence = self.read(prompt)
            queries, maps = [], []
            for index, span in enumerate(clip.spans):
                features = self._features(clip, index, sentence)
                queries.append(features.queries)
                maps.append(features.fine if span.stop <= self.settings.kept else None)
            logits, embeddings = self.network.encode_clip(torch.cat(queries), sentence)
        scores = logits.float().softmax(-1)[:, 0]
        selected = embeddings[scores > self.settings.threshold]
        masks = np.zeros((len(clip.frames), *clip.original), dtype=bool)
        if len(selected):
            for index, span in enumerate(clip.spans):
                with self._precision():
                    fine = maps[index]
                    fine = self._features(clip, index, sentence).fine if fine is None else fine
                    masks[span] = self._union(fine, selected, clip)
        return MaskPrediction(masks, target_score=float(scores.max()))

    def _features(self, clip: "Clip", index: int, sentence: SentenceT) -> FrameFeatures:
        stem = clip.stems.get(index)
        return self.network.encode_frames(self._stem(clip, index) if stem is None else stem, sentence)

    def _stem(self, clip: "Clip", index: int) -> Any:
        images = network_input(clip.frames[clip.spans[index]].to(self.device), self.settings)
        return self.network.stem(images)

    def _union(self, fine: Tensor, embeddings: Tensor, clip: "Clip") -> NDArray[np.bool_]:
        resized = (clip.frames.shape[2], clip.frames.shape[3])
        masks = [
            union_masks(self.network.mask_features(part), embeddings, resized, clip.original, self.settings.stride)
            for part in fine.split(FRAMES_AT_ONCE)
        ]
        return torch.cat(masks).cpu().numpy()

    def _precision(self) -> AbstractContextManager[object]:
        dtype = getattr(torch, self.settings.precision)
        return torch.autocast(self.device.type, dtype, enabled=dtype is not torch.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A prepared video.

    Attributes:
        frames: uint8 ``(t, 3, h, w)``, resized, on the CPU.
        original: Rows and columns of the video.
        spans: Frames of each chunk.
        stems: The text-free encoding of the chunks that stay in memory.
    """

    frames: Tensor
    original: tuple[int, int]
    spans: list[slice]
    stems: dict[int, Any]


def read_frames(video: Video, settings: SegmenterSettings) -> NDArray[np.uint8]:
    """Decode and resize a video, uint8 ``(t, 3, h, w)``; one full-size frame is held at a time."""
    size = shortest_edge_rounded(video.height, video.width, settings.short, settings.longest)
    return np.stack([resize(frame, size).transpose(2, 0, 1) for frame in video.frames()])


def network_input(frames: Tensor, settings: SegmenterSettings) -> Tensor:
    """Normalize uint8 ``(t, 3, h, w)`` and pad it right and bottom with zeros to multiples of ``settings.stride``."""
    mean = torch.tensor(settings.mean, device=frames.device).view(3, 1, 1)
    std = torch.tensor(settings.std, device=frames.device).view(3, 1, 1)
    images = (frames - mean) / std
    return F.pad(images, (0, -images.shape[3] % settings.stride, 0, -images.shape[2] % settings.stride))


def union_masks(
    mask_features: Tensor,
    embeddings: Tensor,
    resized: tuple[int, int],
    original: tuple[int, int],
    stride: int = STRIDE,
) -> Tensor:
    """Union of the masks of trajectories.

    Args:
        mask_features: ``(t, c, h / 4, w / 4)`` of the padded input.
        embeddings: ``(k, c)``, k at least 1.
        resized: Rows and columns of the input without its padding.
        original: Rows and columns of the video.
        stride: The input is padded to multiples of this.

    Returns:
        bool ``(t, *original)``, where the logit of any trajectory is above 0.
    """
    logits = (embeddings @ mask_features.flatten(2)).view(len(mask_features), -1, *mask_features.shape[-2:])
    padded = [side + -side % stride for side in resized]
    logits = F.interpolate(logits.float(), size=padded, mode="bilinear", align_corners=False)
    logits = logits[..., : resized[0], : resized[1]]
    logits = F.interpolate(logits, size=original, mode="bilinear", align_corners=False)
    return (logits > 0).any(1)
