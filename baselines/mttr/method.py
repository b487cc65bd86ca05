"""MTTR as a ``Method``: a sentence in lower case to the masks of the referred query."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inference.encoders import Encoders
from baselines.layers.inference.sentence_model import load_segmenter
from baselines.layers.inputs.resize import Size, shortest_edge_capped
from baselines.layers.nn.prepared_maps import ClipInput
from baselines.layers.nn.text_encoder import Tokenizer
from baselines.lmpmpp.mini.clip_start import inference_encoders
from baselines.mttr.checkpoint import load as load_checkpoint
from baselines.mttr.config import SIZES, MttrConfig
from baselines.mttr.model import ClipFeatures, Mttr, SegmentedClip, Words
from baselines.mttr.options import Options
from mevis_bench.records import MethodConfig, Prompt, TextPrompt

FRAMES_AT_ONCE = 8
"""Frames whose masks are upsampled together."""


def best_query(referred: Tensor) -> tuple[int, float]:
    """Query with the highest mean probability over the frames of logits ``(t, q, 2)``, and that probability."""
    scores = referred.float().softmax(-1)[..., 0].mean(0)
    best = int(scores.argmax())
    return best, float(scores[best])


def upsample_masks(logits: Tensor, resized: Size, size: Size) -> Tensor:
    """Upsample masks to the video's size in the authors' two steps.

    Args:
        logits: ``(t, h, w)`` at stride 4 of the network's input.
        resized: Rows and columns of that input.
        size: Rows and columns of the video.

    Returns:
        bool ``(t, *size)``: logits bilinear to the input's size, cut at a probability of one half, then nearest.
    """
    masks = []
    for chunk in logits.float().split(FRAMES_AT_ONCE):
        resized_logits = F.interpolate(chunk[:, None], size=resized, mode="bilinear", align_corners=False)
        inside = (resized_logits.sigmoid() > 0.5).float()
        masks.append(F.interpolate(inside, size=size, mode="nearest")[:, 0].bool())
    return torch.cat(masks)


class MttrModel:
    """The network with the authors' inference protocol.

    Attributes:
        title: Name of the method, for errors.
    """

    title: ClassVar[str] = "MTTR"

    def __init__(self, network: Mttr, tokenizer: Tokenizer, settings: ClipSettings, longest: int, device: str) -> None:
        self.network, self.tokenizer, self.settings = network, tokenizer, settings
        self.longest, self.device = longest, device

    def input_size(self, height: int, width: int, short: int) -> Size:
        """DETR's rule: short side given, reduced if the long side would exceed its bound."""
        return shortest_edge_capped(height, width, short, self.longest)

    def encode_prompt(self, prompt: Prompt) -> Words:
        """Encode the sentence in lower case with single spaces."""
        if not isinstance(prompt, TextPrompt):
            raise TypeError(f"{self.title} requires a text prompt, got {type(prompt).__name__}")
        tokens = self.tokenizer.encode(" ".join(prompt.text.lower().split()))
        return self.network.read(torch.tensor([tokens.ids], device=self.device))

    def encode_clip(self, frames: ClipInput) -> ClipFeatures:
        """Encode a clip; all frames have one size, without padding."""
        return self.network.encode(frames)

    def segment(self, clip: ClipFeatures, text: Words) -> SegmentedClip:
        """Segment the object of one sentence in one clip."""
        out: SegmentedClip = self.network(clip, text)
        return out

    def postprocess(self, outputs: Sequence[SegmentedClip], size: Size) -> tuple[list[Tensor], float]:
        """Select one query for the whole video, by its mean probability over all frames."""
        query, score = best_query(torch.cat([output.referred[-1, 0] for output in outputs]))
        resized = self.input_size(*size, self.settings.short)
        return [upsample_masks(output.query_masks(0, query), resized, size) for output in outputs], score

    def candidates(self, outputs: Sequence[SegmentedClip], size: Size) -> Iterator[tuple[list[Tensor], float]]:
        """Yield masks and mean probability over all frames of every query."""
        scores = torch.cat([output.referred[-1, 0] for output in outputs]).float().softmax(-1)[..., 0].mean(0)
        resized = self.input_size(*size, self.settings.short)
        for query, score in enumerate(scores.tolist()):
            yield [upsample_masks(output.query_masks(0, query), resized, size) for output in outputs], score


def load(config: MethodConfig[Options]) -> ClipSegmenter[Words, ClipFeatures, SegmentedClip]:
    """Build MTTR with the authors' weights, or with seeded random ones.

    Raises:
        DataError: The checkpoint or the tokenizer file is not this variant's.
        UsageError: An option has an invalid value.
    """
    return load_as(config, MttrModel)


def load_as(config: MethodConfig[Options], model: type[MttrModel]) -> ClipSegmenter[Words, ClipFeatures, SegmentedClip]:
    """Build MTTR's network as `load` does, as the model of a method that shares it."""
    size, settings = SIZES[config.options.size], ClipSettings.from_options(config.options)
    encoders = inference_encoders(config, size.text, pooler=False)

    def with_settings(network: Mttr, tokenizer: Tokenizer, device: str) -> MttrModel:
        return model(network, tokenizer, settings, config.options.longest, device)

    return load_segmenter(config, build_network(size, encoders), encoders, load_checkpoint, with_settings)


def build_network(size: MttrConfig, encoders: Encoders) -> Mttr:
    """Build the network with random weights."""
    return Mttr(encoders.text, size, None if isinstance(encoders.backbone, str) else encoders.backbone)
