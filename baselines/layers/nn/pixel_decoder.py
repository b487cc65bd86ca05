"""Mask2Former's pixel decoder: deformable attention over the three coarse maps, then one top-down step to the finest.

Cheng et al., CVPR 2022, section 3.2.2 and appendix A; configuration of the MSDeformAttn pixel decoder. Axes: b batch,
c channels, s cells of all levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.nn.deformable_attention import DeformableEncoderLayer, cell_centers
from baselines.layers.nn.position_encoding import sine_grid


@dataclass(frozen=True, slots=True)
class PixelFeatures:
    """Output of the pixel decoder for a batch of images.

    Attributes:
        levels: Refined maps, coarsest first, each ``(b, c, h / stride, w / stride)``.
        fine: Map at the finest stride after ReLU, before any mask projection, ``(b, c, h / 4, w / 4)``.
        mask_features: ``fine`` projected for dot products with mask embeddings, same shape.
    """

    levels: list[Tensor]
    fine: Tensor
    mask_features: Tensor

    def memory(self, level_embed: Tensor) -> list["LevelMemory"]:
        """Flatten the levels for cross-attention and add each one's embedding; ``level_embed`` ``(levels, c)``."""
        flat = []
        for x, embedding in zip(self.levels, level_embed, strict=True):
            size = (x.shape[2], x.shape[3])
            pos = sine_grid(size, x.shape[1] // 2, device=x.device).flatten(2).transpose(1, 2)
            flat.append(LevelMemory(x.flatten(2).transpose(1, 2) + embedding, pos, size))
        return flat

    def mask_logits(self, embeddings: Tensor) -> Tensor:
        """Multiply mask embeddings ``(b, q, c)`` with the mask features: ``(b, q, h / 4, w / 4)``."""
        out: Tensor = (embeddings @ self.mask_features.flatten(2)).unflatten(-1, self.mask_features.shape[-2:])
        return out


@dataclass(frozen=True, slots=True)
class LevelMemory:
    """One level as memory of a transformer decoder.

    Attributes:
        tokens: ``(b, h * w, c)``.
        pos: Sine position encoding, ``(1, h * w, c)``.
        size: Rows and columns.
    """

    tokens: Tensor
    pos: Tensor
    size: tuple[int, int]


class NormedConv(nn.Conv2d):
    """Convolution without bias, then group norm kept under the key ``norm``."""

    def __init__(self, channels: int, out: int, kernel: int, groups: int) -> None:
        super().__init__(channels, out, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.GroupNorm(groups, out)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(b, channels, h, w)`` to ``(b, out, h, w)``."""
        out: Tensor = self.norm(super().forward(x))
        return out


class DeformableEncoder(nn.Module):
    """A stack of deformable encoder layers (keys ``layers.<i>``)."""

    def __init__(self, channels: int, feedforward: int, levels: int, heads: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DeformableEncoderLayer(channels, feedforward, levels, heads) for _ in range(depth))


class MultiLevelEncoder(nn.Module):
    """Deformable self-attention over several maps at once; each has its own learned level code."""

    def __init__(self, channels: int, feedforward: int, levels: int, heads: int, depth: int) -> None:
        super().__init__()
        self.channels = channels
        self.level_embed = nn.Parameter(torch.randn(levels, channels))
        self.encoder = DeformableEncoder(channels, feedforward, levels, heads, depth)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Refine maps ``(b, c, h_l, w_l)``; the same shapes come back."""
        sizes = [(x.shape[2], x.shape[3]) for x in maps]
        batch = maps[0].shape[0]
        device = maps[0].device
        positions = [
            sine_grid(size, self.channels // 2, device=device).flatten(2).transpose(1, 2) + code
            for size, code in zip(sizes, self.level_embed, strict=True)
        ]
        position = torch.cat(positions, dim=1).to(maps[0].dtype)
        memory = torch.cat([x.flatten(2).transpose(1, 2) for x in maps], dim=1)
        reference = cell_centers(sizes, torch.ones(1, len(sizes), 2, device=device)).expand(batch, -1, -1, -1)
        for layer in self.encoder.layers:
            memory = layer(memory, position, reference, sizes)
        parts = memory.split([h * w for h, w in sizes], dim=1)
        return [part.transpose(1, 2).unflatten(2, size) for part, size in zip(parts, sizes, strict=True)]


@dataclass(frozen=True, slots=True)
class PixelDecoderConfig:
    """Sizes of the pixel decoder; the defaults are Mask2Former's.

    Attributes:
        feedforward: Hidden units of the encoder layers.
        heads: Attention heads.
        depth: Encoder layers.
        groups: Groups of the group norms.
    """

    feedforward: int = 1024
    heads: int = 8
    depth: int = 6
    groups: int = 32


class PixelDecoder(nn.Module):
    """From a backbone's four maps to mask features and a pyramid for the transformer decoder.

    Args:
        backbone_channels: Channels of the backbone's maps, finest first.
        channels: Width of the output.
        config: Sizes.
    """

    def __init__(
        self, backbone_channels: Sequence[int], channels: int = 256, config: PixelDecoderConfig | None = None
    ) -> None:
        super().__init__()
        config = config or PixelDecoderConfig()
        groups = config.groups
        finest, *coarse = backbone_channels
        self.input_proj = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, channels, 1), nn.GroupNorm(groups, channels)) for width in reversed(coarse)
        )
        self.transformer = MultiLevelEncoder(channels, config.feedforward, len(coarse), config.heads, config.depth)
        self.mask_features = nn.Conv2d(channels, channels, 1)
        self.adapter_1 = NormedConv(finest, channels, 1, groups)
        self.layer_1 = NormedConv(channels, channels, 3, groups)

    def forward(self, maps: Sequence[Tensor]) -> PixelFeatures:
        """Decode the backbone's maps ``(b, c_i, h / 4, w / 4)`` ... ``(b, c_i, h / 32, w / 32)``, finest first."""
        finest, *coarse = maps
        projected = [project(x) for project, x in zip(self.input_proj, reversed(coarse), strict=True)]
        levels = self.transformer(projected)
        upsampled = F.interpolate(levels[-1], size=finest.shape[-2:], mode="bilinear", align_corners=False)
        fine = F.relu(self.layer_1(self.adapter_1(finest) + upsampled))
        return PixelFeatures(levels, fine, self.mask_features(fine))
