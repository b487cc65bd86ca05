"""Language-Guided Extractor: frames to object embeddings (paper section 4; Mask2Former, Cheng et al., CVPR 2022).

Axes: t frames (the batch here, no operation crosses frames), n = N1 queries, c = C channels, h and w rows and columns
at the finest stride (4).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.nn.masked_attention import (
    CrossAttentionLayer,
    FeedForwardLayer,
    SelfAttentionLayer,
    attention_mask,
)
from baselines.layers.nn.mlp import Mlp
from baselines.layers.nn.pixel_decoder import PixelDecoder, PixelDecoderConfig
from baselines.layers.nn.position_encoding import sine_grid
from baselines.layers.nn.swin import Swin
from baselines.lmpmpp.config import ExtractorConfig

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """What the frames look like to the decoder. The sentence has no part in it.

    Attributes:
        levels: Maps at strides 32, 16 and 8, each ``(t, c, h_i, w_i)``.
        mask_features: At stride 4, ``(t, c, h, w)``.
    """

    levels: Sequence[Tensor]
    mask_features: Tensor

    def every(self, stride: int) -> "FrameFeatures":
        """Every so manieth frame, from the first."""
        return FrameFeatures([level[::stride] for level in self.levels], self.mask_features[::stride])

    def split(self, frames: int) -> "list[FrameFeatures]":
        """Parts of at most so many frames, in order."""
        levels = zip(*(level.split(frames) for level in self.levels), strict=True)
        return [FrameFeatures(*part) for part in zip(levels, self.mask_features.split(frames), strict=True)]


@dataclass(frozen=True, slots=True)
class FrameObjects:
    """What one decoder layer says about the objects of each frame.

    Attributes:
        embeddings: Object embeddings, ``(t, n, c)``.
        class_logits: Object or no object, ``(t, n, 2)``.
        mask_logits: ``(t, n, h, w)``.
    """

    embeddings: Tensor
    class_logits: Tensor
    mask_logits: Tensor


class SubPixel(nn.Module):
    """Addition: several mask features per cell, so that masks are finer than the backbone's first stage."""

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, channels * factor**2, 1)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(t, c, h, w)`` to ``(t, c, factor * h, factor * w)``."""
        return F.pixel_shuffle(self.project(x), self.factor)


class FrameEncoder(nn.Module):
    """Backbone and pixel decoder: run once per video, whatever is asked about it."""

    def __init__(self, size: ExtractorConfig) -> None:
        super().__init__()
        self.position_code = size.position_code
        factor = 4 // size.mask_stride
        self.finer = None if factor == 1 else SubPixel(size.channels, factor)
        self.backbone = Swin(size.backbone)
        self.pixel_decoder = PixelDecoder(
            size.backbone.widths,
            size.channels,
            PixelDecoderConfig(size.pixel_feedforward, size.heads, size.pixel_layers, size.groups),
        )
        self.register_buffer("mean", 255 * torch.tensor(IMAGE_MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", 255 * torch.tensor(IMAGE_STD)[:, None, None], persistent=False)

    def forward(self, frames: Tensor) -> FrameFeatures:
        """Encode resized RGB frames ``(t, 3, H, W)``, values 0..255."""
        decoded = self.pixel_decoder(self.backbone((frames - self.mean) / self.std))
        mask_features = decoded.mask_features if self.finer is None else self.finer(decoded.fine)
        if self.position_code:
            channels, size = mask_features.shape[1], mask_features.shape[-2:]
            mask_features = mask_features + sine_grid(size, channels // 2, device=mask_features.device)
        return FrameFeatures(decoded.levels, mask_features)


class ObjectDecoder(nn.Module):
    """Masked-attention decoder: N1 queries a frame become object embeddings."""

    def __init__(self, size: ExtractorConfig, text_channels: int) -> None:
        super().__init__()
        c, depth, levels = size.channels, size.decoder_layers, 3
        self.query_feat = nn.Embedding(size.queries, c)
        self.query_embed = nn.Embedding(size.queries, c)
        self.level_embed = nn.Embedding(levels, c)
        self.language = nn.Linear(text_channels, c) if size.language_queries else None
        self.transformer_cross_attention_layers = nn.ModuleList(
            CrossAttentionLayer(c, size.heads) for _ in range(depth)
        )
        self.transformer_self_attention_layers = nn.ModuleList(SelfAttentionLayer(c, size.heads) for _ in range(depth))
        self.transformer_ffn_layers = nn.ModuleList(FeedForwardLayer(c, size.feedforward) for _ in range(depth))
        self.decoder_norm = nn.LayerNorm(c)
        self.class_embed = nn.Linear(c, 2)
        self.mask_embed = Mlp(c, c, c, c)

    def forward(self, features: FrameFeatures, sentence: Tensor | None = None) -> list[FrameObjects]:
        """Decode all frames.

        Args:
            features: Of t frames.
            sentence: Text feature ``(text_channels,)`` the queries are conditioned on; ``None`` exactly where the
                size says ``language_queries=False``.

        Returns:
            What the start state and every layer say; the last entry is the result, the others are trained too.
        """
        frames = len(features.mask_features)
        queries = self.query_feat.weight
        if self.language is not None:
            queries = queries + self.language(sentence)
        x = queries.expand(frames, -1, -1)
        query_pos = self.query_embed.weight
        memories, memory_pos = [], []
        for level, emb in zip(features.levels, self.level_embed.weight, strict=True):
            memories.append(level.flatten(2).transpose(1, 2) + emb)
            code = sine_grid(level.shape[-2:], level.shape[1] // 2, device=level.device)
            memory_pos.append(code.flatten(2).transpose(1, 2))
        said = [self.read(x, features.mask_features)]
        layers = zip(
            self.transformer_cross_attention_layers,
            self.transformer_self_attention_layers,
            self.transformer_ffn_layers,
            strict=True,
        )
        for index, (cross, among, feedforward) in enumerate(layers):
            level = index % len(memories)
            attn_mask = attention_mask(said[-1].mask_logits, features.levels[level].shape[-2:])
            x = cross(
                x,
                memories[level],
                query_pos=query_pos,
                pos=memory_pos[level],
                attn_mask=attn_mask,
            )
            x = feedforward(among(x, query_pos))
            said.append(self.read(x, features.mask_features))
        return said

    def read(self, x: Tensor, mask_features: Tensor) -> FrameObjects:
        """Read class and mask off the queries' state ``(t, n, c)``."""
        embeddings = self.decoder_norm(x)
        masks = torch.einsum("tnc,tchw->tnhw", self.mask_embed(embeddings), mask_features)
        return FrameObjects(embeddings, self.class_embed(embeddings), masks)


class LanguageGuidedExtractor(nn.Module):
    """Frame encoder and object decoder together (paper section 4, Language-Guided Extractor)."""

    def __init__(self, encoder: FrameEncoder, decoder: ObjectDecoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, frames: Tensor, sentence: Tensor | None = None) -> list[FrameObjects]:
        """Find the objects of frames ``(t, 3, H, W)``, 0..255."""
        return self.decoder(self.encoder(frames), sentence)


def model_size(height: int, width: int, size: ExtractorConfig) -> tuple[int, int]:
    """Rows and columns a frame is resized to: short side ``short_side``, long side at most ``long_side``."""
    scale = size.short_side / min(height, width)
    if scale * max(height, width) > size.long_side:
        scale = size.long_side / max(height, width)
    return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))


def resize_frames(frames: Tensor, size: ExtractorConfig) -> Tensor:
    """Resize uint8 frames ``(t, H, W, 3)`` to float ``(t, 3, H', W')``, antialiased, 0..255."""
    target = model_size(frames.shape[1], frames.shape[2], size)
    images = frames.permute(0, 3, 1, 2).float()
    return F.interpolate(images, size=target, mode="bilinear", align_corners=False, antialias=True)
