"""MTTR, the Multimodal Tracking Transformer.

Botach et al., "End-to-End Referring Video Object Segmentation with Multimodal Transformers", CVPR 2022, sections 3.1
to 3.3. A clip is encoded once and segmented for several sentences together. Axes: s sentences, t frames of a clip, f
some of them, q queries, l decoder layers, c channels, h rows, w columns, m words, n tokens of a frame and the words
together. Key names are the authors'.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.layers.nn.clip_backbones import Backbone
from baselines.layers.nn.mlp import Mlp
from baselines.layers.nn.position_encoding import sine_encoding
from baselines.layers.nn.prepared_maps import ClipInput
from baselines.layers.nn.spatial_decoder import SpatialDecoder
from baselines.layers.nn.text_encoder import TextEncoder
from baselines.layers.nn.video_swin import VideoSwin
from baselines.mttr.config import MttrConfig
from baselines.mttr.transformer import MultimodalTransformer

STAGES = 3
"""Stages of the backbone: strides 4, 8 and 16."""
FRAMES_AT_ONCE = 8
"""Frames of one sentence per step of everything after the backbone; the result does not depend on it."""


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
    """Words of sentences: features ``(s, m, c)`` and padding, bool ``(s, m)``; ``None``: no padding."""

    features: Tensor
    padding: Tensor | None


@dataclass(frozen=True, slots=True)
class SegmentedClip:
    """Output for the sentences of one clip.

    Attributes:
        referred: Logits of being the referred object, and of not being it, after every decoder layer,
            ``(l, s, t, q, 2)``.
        kernels: Mask kernels, ``(l, s, t, q, k)``.
        features: Mask features, ``(s, t, k, h, w)`` at stride 4.
    """

    referred: Tensor
    kernels: Tensor
    features: Tensor

    def masks(self, layer: int) -> Tensor:
        """Mask logits of all queries after a decoder layer, ``(s, t, q, h, w)``."""
        return torch.einsum("stqk,stkhw->stqhw", self.kernels[layer], self.features)

    def query_masks(self, sentence: int, query: int) -> Tensor:
        """Mask logits of one query of one sentence after the last layer, ``(t, h, w)``."""
        return torch.einsum("tk,tkhw->thw", self.kernels[-1, sentence, :, query], self.features[sentence])


class Mttr(nn.Module):
    """The network, from frames to mask kernels.

    Args:
        text_encoder: Its pooler is not used.
        config: Sizes; ``None``: the authors'.
        backbone: Backbone in place of Video Swin, of which the finest three maps are used; ``None``: none.
    """

    def __init__(
        self, text_encoder: TextEncoder, config: MttrConfig | None = None, backbone: Backbone | None = None
    ) -> None:
        super().__init__()
        config = config or MttrConfig()
        c = config.channels
        self.backbone = VideoSwin(config.backbone, STAGES) if backbone is None else backbone
        fine, middle, coarse = self.backbone.channels[:STAGES]
        self.vid_embed_proj = nn.Conv2d(coarse, c, 1)
        self.obj_queries = nn.Embedding(config.queries, c)
        self.transformer = MultimodalTransformer(text_encoder, config)
        self.is_referred_head = nn.Linear(c, 2)
        self.instance_kernels_head = Mlp(c, c, config.kernel)
        self.spatial_decoder = SpatialDecoder(c, (middle, fine), config.kernel)

    def encode(self, frames: ClipInput, size: tuple[int, int] | None = None) -> ClipFeatures:
        """Encode a clip, once for all sentences.

        Args:
            frames: Normalized RGB, ``(t, 3, H, W)``, or its maps.
            size: Rows and columns that are image; the remainder is padding. ``None``: no padding.
        """
        fine, middle, coarse = self._maps(frames)
        grid = (coarse.shape[-2], coarse.shape[-1])
        padding = torch.zeros(1, *grid, dtype=torch.bool, device=frames.device)
        padded = False
        if size is not None and size != tuple(frames.shape[-2:]):
            padded = True
            image = coarse.new_ones(1, 1, *frames.shape[-2:])
            image[..., : size[0], : size[1]] = 0
            padding = nn.functional.interpolate(image, size=grid, mode="nearest")[0].bool()
        projected = self.vid_embed_proj(coarse)
        return ClipFeatures(
            tokens=projected.flatten(2).transpose(1, 2),
            position=sine_encoding(padding, projected.shape[1] // 2).flatten(2).transpose(1, 2),
            padding=padding.flatten(1) if padded else None,
            size=grid,
            middle=self.spatial_decoder.adapt(1, middle),
            fine=self.spatial_decoder.adapt(2, fine),
        )

    def _maps(self, frames: ClipInput) -> list[Tensor]:
        """Maps of strides 4, 8 and 16 of a clip, ``(t, c, h, w)`` each."""
        if isinstance(self.backbone, VideoSwin):
            assert isinstance(frames, Tensor)
            return [level[0] for level in self.backbone(frames[None])]
        pieces = self.backbone(frames, FRAMES_AT_ONCE)
        return [torch.cat(parts) for parts in list(zip(*pieces, strict=True))[:STAGES]]

    def read(self, ids: Tensor, mask: Tensor | None = None) -> Words:
        """Encode sentences.

        Args:
            ids: int64 ``(s, m)``.
            mask: ``(s, m)``, 1 on tokens and 0 on padding; ``None``: no padding.
        """
        features = self.transformer.read(ids, torch.ones_like(ids) if mask is None else mask)
        return Words(features, None if mask is None else mask != 1)

    def forward(self, clip: ClipFeatures, words: Words) -> SegmentedClip:
        """Segment the object of every sentence in one clip."""
        step = max(1, FRAMES_AT_ONCE // len(words.features))
        pieces = zip(*(x.split(step) for x in (clip.tokens, clip.middle, clip.fine)), strict=True)
        outputs = zip(*(self._segment(clip, words, *piece) for piece in pieces), strict=True)
        referred, kernels, features = (list(parts) for parts in outputs)
        return SegmentedClip(torch.cat(referred, dim=2), torch.cat(kernels, dim=2), torch.cat(features, dim=1))

    def _segment(
        self, clip: ClipFeatures, words: Words, tokens: Tensor, middle: Tensor, fine: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Segment some frames independently, sentence by frame as one batch; returns the fields of `SegmentedClip`."""
        sentences, length, _ = words.features.shape
        frames, cells, _ = tokens.shape
        batch = (sentences, frames)
        joined = (
            tokens.expand(sentences, -1, -1, -1),
            words.features[:, None].expand(-1, frames, -1, -1),
        )
        memory = torch.cat(joined, dim=2).flatten(0, 1)
        position = nn.functional.pad(clip.position, (0, 0, 0, length))  # words have none
        padding = _joined_padding(clip, words)
        if padding is not None and len(padding) > 1:
            padding = padding.repeat_interleave(frames, dim=0)
        memory, states = self.transformer(memory, position, padding, self.obj_queries.weight)
        encoded = memory[:, :cells].transpose(1, 2).unflatten(-1, clip.size)
        middle, fine = (x.expand(sentences, *x.shape).flatten(0, 1) for x in (middle, fine))
        features = self.spatial_decoder(encoded, (middle, fine)).unflatten(0, batch)
        states = states.unflatten(1, batch)
        return self.is_referred_head(states), self.instance_kernels_head(states), features


def _joined_padding(clip: ClipFeatures, words: Words) -> Tensor | None:
    """Padding of a frame's tokens and the words, bool ``(1, n)`` or ``(s, n)``; ``None``: no padding."""
    if clip.padding is None and words.padding is None:
        return None
    length, device = words.features.shape[1], words.features.device
    cells, letters = clip.padding, words.padding
    if cells is None:
        cells = torch.zeros(1, clip.tokens.shape[1], dtype=torch.bool, device=device)
    if letters is None:
        letters = torch.zeros(1, length, dtype=torch.bool, device=device)
    rows = max(len(cells), len(letters))
    return torch.cat((cells.expand(rows, -1), letters.expand(rows, -1)), dim=1)
