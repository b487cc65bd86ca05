"""Language-Guided Extractor: frames to object embeddings (paper section 4; Mask2Former, Cheng et al., CVPR 2022).

Axes: t frames (the batch; no operation crosses frames), n = N1 queries, c = C channels, h and w rows and columns at the
stride of the mask features (4).
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
    """Output of backbone and pixel decoder, independent of the sentence.

    Attributes:
        levels: Feature maps at strides 32, 16 and 8, each ``(t, c, h_i, w_i)``.
        mask_features: ``(t, c, h, w)``.
    """

    levels: Sequence[Tensor]
    mask_features: Tensor

    @classmethod
    def concatenate(cls, parts: "Sequence[FrameFeatures]") -> "FrameFeatures":
        """Concatenate consecutive parts along time."""
        levels = [torch.cat(maps) for maps in zip(*(part.levels for part in parts), strict=True)]
        return cls(levels, torch.cat([part.mask_features for part in parts]))

    def strided(self, stride: int) -> "FrameFeatures":
        """Every ``stride``-th frame, from the first."""
        return FrameFeatures([level[::stride] for level in self.levels], self.mask_features[::stride])

    def split(self, frames: int) -> "list[FrameFeatures]":
        """Consecutive parts of at most ``frames`` frames."""
        levels = zip(*(level.split(frames) for level in self.levels), strict=True)
        return [FrameFeatures(*part) for part in zip(levels, self.mask_features.split(frames), strict=True)]


@dataclass(frozen=True, slots=True)
class ExtractorOutput:
    """Output of one decoder layer.

    Attributes:
        embeddings: Object embeddings, ``(t, n, c)``.
        class_logits: Object and no object, ``(t, n, 2)``.
        mask_logits: ``(t, n, h, w)``.
    """

    embeddings: Tensor
    class_logits: Tensor
    mask_logits: Tensor

    @classmethod
    def concatenate(cls, parts: "Sequence[ExtractorOutput]") -> "ExtractorOutput":
        """Concatenate consecutive parts along time."""
        return cls(
            torch.cat([part.embeddings for part in parts]),
            torch.cat([part.class_logits for part in parts]),
            torch.cat([part.mask_logits for part in parts]),
        )


class SubPixel(nn.Module):
    """Sub-pixel convolution (mini): several mask features per cell, for masks finer than the backbone's first stage."""

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, channels * factor**2, 1)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(t, c, h, w)`` to ``(t, c, factor * h, factor * w)``."""
        return F.pixel_shuffle(self.project(x), self.factor)


class FrameEncoder(nn.Module):
    """Backbone and pixel decoder: run once per video, whatever the prompts are."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: ExtractorConfig) -> None:
        super().__init__()
        self.mask_position_embedding = config.mask_position_embedding
        factor = 4 // config.mask_stride
        # ``finer`` and the other attribute names of this file are keys of weights/mini.safetensors.
        self.finer = None if factor == 1 else SubPixel(config.channels, factor)
        self.backbone = Swin(config.backbone)
        self.pixel_decoder = PixelDecoder(
            config.backbone.widths,
            config.channels,
            PixelDecoderConfig(config.pixel_feedforward, config.heads, config.pixel_layers, config.groups),
        )
        self.register_buffer("mean", 255 * torch.tensor(IMAGE_MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", 255 * torch.tensor(IMAGE_STD)[:, None, None], persistent=False)

    def forward(self, frames: Tensor) -> FrameFeatures:
        """Encode resized RGB frames ``(t, 3, H, W)``, values 0..255."""
        decoded = self.pixel_decoder(self.backbone((frames - self.mean) / self.std))
        mask_features = decoded.mask_features if self.finer is None else self.finer(decoded.fine)
        if self.mask_position_embedding:
            channels, size = mask_features.shape[1], mask_features.shape[-2:]
            mask_features = mask_features + sine_grid(size, channels // 2, device=mask_features.device)
        return FrameFeatures(decoded.levels, mask_features)


class ObjectDecoder(nn.Module):
    """Masked-attention decoder: N1 language-based queries per frame become object embeddings."""

    def __init__(self, config: ExtractorConfig, text_channels: int) -> None:
        super().__init__()
        c, depth, levels = config.channels, config.decoder_layers, 3
        self.query_feat = nn.Embedding(config.queries, c)
        self.query_embed = nn.Embedding(config.queries, c)
        self.level_embed = nn.Embedding(levels, c)
        self.language = nn.Linear(text_channels, c) if config.language_queries else None
        self.transformer_cross_attention_layers = nn.ModuleList(
            CrossAttentionLayer(c, config.heads) for _ in range(depth)
        )
        self.transformer_self_attention_layers = nn.ModuleList(
            SelfAttentionLayer(c, config.heads) for _ in range(depth)
        )
        self.transformer_ffn_layers = nn.ModuleList(FeedForwardLayer(c, config.feedforward) for _ in range(depth))
        self.decoder_norm = nn.LayerNorm(c)
        self.class_embed = nn.Linear(c, 2)
        self.mask_embed = Mlp(c, c, c, c)

    def forward(self, features: FrameFeatures, sentence: Tensor | None = None) -> list[ExtractorOutput]:
        """Decode all frames.

        Args:
            features: Of t frames.
            sentence: Text feature ``(text_channels,)`` that the queries are conditioned on; ``None`` if and only if
                the configuration has ``language_queries=False``.

        Returns:
            Outputs of the initial queries and of every layer; the last entry is the result, all are supervised.
        """
        queries = self.query_feat.weight
        if self.language is not None:
            queries = queries + self.language(sentence)
        x = queries.expand(len(features.mask_features), -1, -1)
        query_pos = self.query_embed.weight
        memories, memory_pos = [], []
        for feature_map, level_embed in zip(features.levels, self.level_embed.weight, strict=True):
            memories.append(feature_map.flatten(2).transpose(1, 2) + level_embed)
            pos = sine_grid(feature_map.shape[-2:], feature_map.shape[1] // 2, device=feature_map.device)
            memory_pos.append(pos.flatten(2).transpose(1, 2))
        outputs = [self.forward_prediction_heads(x, features.mask_features)]
        layers = zip(
            self.transformer_cross_attention_layers,
            self.transformer_self_attention_layers,
            self.transformer_ffn_layers,
            strict=True,
        )
        for index, (cross_attn, self_attn, ffn) in enumerate(layers):
            level = index % len(memories)
            height, width = features.levels[level].shape[-2:]
            attn_mask = attention_mask(outputs[-1].mask_logits, (height, width))
            x = cross_attn(x, memories[level], query_pos=query_pos, pos=memory_pos[level], attn_mask=attn_mask)
            x = ffn(self_attn(x, query_pos))
            outputs.append(self.forward_prediction_heads(x, features.mask_features))
        return outputs

    def forward_prediction_heads(self, x: Tensor, mask_features: Tensor) -> ExtractorOutput:
        """Classify queries ``(t, n, c)`` and decode their masks."""
        embeddings = self.decoder_norm(x)
        masks = torch.einsum("tnc,tchw->tnhw", self.mask_embed(embeddings), mask_features)
        return ExtractorOutput(embeddings, self.class_embed(embeddings), masks)


class LanguageGuidedExtractor(nn.Module):
    """Frame encoder and object decoder (paper section 4, figure 7)."""

    def __init__(self, encoder: FrameEncoder, decoder: ObjectDecoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    @classmethod
    def from_config(cls, config: ExtractorConfig, text_channels: int) -> "LanguageGuidedExtractor":
        """Build with random weights; ``text_channels``: of the sentence feature."""
        return cls(FrameEncoder(config), ObjectDecoder(config, text_channels))

    def forward(self, frames: Tensor, sentence: Tensor | None = None) -> list[ExtractorOutput]:
        """Outputs of every decoder layer for frames ``(t, 3, H, W)``, 0..255; see ``ObjectDecoder.forward``."""
        return self.decoder(self.encoder(frames), sentence)


def resized_shape(height: int, width: int, config: ExtractorConfig) -> tuple[int, int]:
    """Rows and columns of a resized frame: short side ``short_side``, long side at most ``long_side``."""
    scale = config.short_side / min(height, width)
    if scale * max(height, width) > config.long_side:
        scale = config.long_side / max(height, width)
    return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))


def resize_frames(frames: Tensor, config: ExtractorConfig) -> Tensor:
    """Resize uint8 frames ``(t, H, W, 3)`` to float ``(t, 3, H', W')``, antialiased, 0..255."""
    return resize_images(frames.permute(0, 3, 1, 2).float(), config)


def resize_images(images: Tensor, config: ExtractorConfig) -> Tensor:
    """Resize float images ``(t, 3, H, W)`` to ``(t, 3, H', W')``, antialiased."""
    size = resized_shape(images.shape[2], images.shape[3], config)
    return F.interpolate(images, size=size, mode="bilinear", align_corners=False, antialias=True)
