"""MTTR, the Multimodal Tracking Transformer.

Botach et al., "End-to-End Referring Video Object Segmentation with Multimodal Transformers", CVPR 2022, sections 3.1
to 3.3. Axes: t frames of a clip, f some of them, q queries, c channels, h rows, w columns, s words, n tokens of a
frame and the words together. Key names are the authors'.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import RobertaModel

from baselines.layers.nn.mlp import Mlp
from baselines.layers.nn.position_encoding import sine_encoding
from baselines.layers.nn.video_swin import VideoSwin
from baselines.mttr.config import MttrConfig
from baselines.mttr.spatial_decoder import SpatialDecoder
from baselines.mttr.transformer import MultimodalTransformer

STAGES = 3
"""Stages of the backbone: strides 4, 8 and 16."""
FRAMES_AT_ONCE = 8
"""Frames per step of everything after the backbone; the result does not depend on it."""


@dataclass(frozen=True, slots=True)
class ClipFeatures:
    """Encoded clip, independent of the sentence.

    Attributes:
        tokens: ``(t, h * w, c)``, the stride-16 map projected, row by row.
        position: ``(1, h * w, c)``.
        padding: bool ``(1, h * w)``, ``True`` on padding; ``None``: no padding.
        size: Rows and columns of that map.
        middle: ``(t, 128, h, w)`` at stride 8, for the spatial decoder.
        fine: ``(t, 64, h, w)`` at stride 4, for the spatial decoder.
    """

    tokens: Tensor
    position: Tensor
    padding: Tensor | None
    size: tuple[int, int]
    middle: Tensor
    fine: Tensor


@dataclass(frozen=True, slots=True)
class Words:
    """Words of a sentence: features ``(s, c)`` and padding, bool ``(s,)``; ``None``: no padding."""

    features: Tensor
    padding: Tensor | None


@dataclass(frozen=True, slots=True)
class SegmentedClip:
    """Output for one sentence and one clip.

    Attributes:
        referred: Logits of being the referred object, and of not being it, ``(t, q, 2)``.
        kernels: Mask kernels, ``(t, q, k)``.
        features: Mask features, ``(t, k, h, w)`` at stride 4.
    """

    referred: Tensor
    kernels: Tensor
    features: Tensor

    def masks(self, query: int) -> Tensor:
        """Mask logits of one query, ``(t, h, w)``."""
        return torch.einsum("tk,tkhw->thw", self.kernels[:, query], self.features)


class Mttr(nn.Module):
    """The network, from frames to mask kernels.

    Args:
        text_encoder: A RoBERTa without pooler.
        config: Sizes; ``None``: the authors'.
    """

    def __init__(self, text_encoder: RobertaModel, config: MttrConfig | None = None) -> None:
        super().__init__()
        config = config or MttrConfig()
        c = config.channels
        self.backbone = VideoSwin(config.backbone, STAGES)
        fine, middle, coarse = self.backbone.channels
        self.vid_embed_proj = nn.Conv2d(coarse, c, 1)
        self.obj_queries = nn.Embedding(config.queries, c)
        self.transformer = MultimodalTransformer(text_encoder, config)
        self.is_referred_head = nn.Linear(c, 2)
        self.instance_kernels_head = Mlp(c, c, config.kernel)
        self.spatial_decoder = SpatialDecoder(c, middle, fine, config.kernel)

    def encode(self, frames: Tensor, size: tuple[int, int] | None = None) -> ClipFeatures:
        """Encode a clip, once for all sentences.

        Args:
            frames: Normalized RGB, ``(t, 3, H, W)``.
            size: Rows and columns that are image; the remainder is padding. ``None``: no padding.
        """
        fine, middle, coarse = (level[0] for level in self.backbone(frames[None]))
        grid = (coarse.shape[-2], coarse.shape[-1])
        padding = torch.zeros(1, *grid, dtype=torch.bool, device=frames.device)
        padded = False
        if size is not None and size != tuple(frames.shape[-2:]):
            padded = True
            image = frames.new_ones(1, 1, *frames.shape[-2:])
            image[..., : size[0], : size[1]] = 0
            padding = nn.functional.interpolate(image, size=grid, mode="nearest")[0].bool()
        projected = self.vid_embed_proj(coarse)
        return ClipFeatures(
            tokens=projected.flatten(2).transpose(1, 2),
            position=sine_encoding(padding, projected.shape[1] // 2).flatten(2).transpose(1, 2),
            padding=padding.flatten(1) if padded else None,
            size=grid,
            middle=self.spatial_decoder.adapter1(middle),
            fine=self.spatial_decoder.adapter2(fine),
        )

    def read(self, ids: Tensor, mask: Tensor | None = None) -> Words:
        """Encode one sentence.

        Args:
            ids: int64 ``(1, s)``.
            mask: ``(1, s)``, 1 on tokens and 0 on padding; ``None``: no padding.
        """
        features = self.transformer.read(ids, torch.ones_like(ids) if mask is None else mask)[0]
        return Words(features, None if mask is None else mask[0] != 1)

    def forward(self, clip: ClipFeatures, words: Words) -> SegmentedClip:
        """Segment the object of one sentence in one clip."""
        pieces = zip(*(x.split(FRAMES_AT_ONCE) for x in (clip.tokens, clip.middle, clip.fine)), strict=True)
        outputs = [self._segment(clip, words, *piece) for piece in pieces]
        return SegmentedClip(*(torch.cat(parts) for parts in zip(*outputs, strict=True)))

    def _segment(
        self, clip: ClipFeatures, words: Words, tokens: Tensor, middle: Tensor, fine: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Segment some frames independently; returns the fields of `SegmentedClip`."""
        f, cells, _ = tokens.shape
        memory = torch.cat((tokens, words.features.expand(f, -1, -1)), dim=1)
        position = nn.functional.pad(clip.position, (0, 0, 0, len(words.features)))  # words have none
        key_padding_mask = _joined_padding(clip, words)
        memory, states = self.transformer(memory, position, key_padding_mask, self.obj_queries.weight)
        encoded = memory[:, :cells].transpose(1, 2).unflatten(-1, clip.size)
        features = self.spatial_decoder(encoded, middle, fine)
        return self.is_referred_head(states), self.instance_kernels_head(states), features


def _joined_padding(clip: ClipFeatures, words: Words) -> Tensor | None:
    """Padding of a frame's tokens and the words, bool ``(1, n)``; ``None``: no padding."""
    if clip.padding is None and words.padding is None:
        return None
    parts = [
        torch.zeros(1, count, dtype=torch.bool, device=words.features.device)
        if padding is None
        else padding.view(1, -1)
        for padding, count in ((clip.padding, clip.tokens.shape[1]), (words.padding, len(words.features)))
    ]
    return torch.cat(parts, dim=1)
