"""Spatial-temporal convolution (STC) connector of VideoLLaMA 2: patch features of all frames -> visual tokens.

Cheng et al., VideoLLaMA 2, 2024, section 2.2; the stages are RegNet-Y bottlenecks (Radosavovic et al., CVPR 2020)
with layer norm. Parameter names are those of the published files below ``model.mm_projector``.
"""

from math import isqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of every pixel: ``(b, c, h, w)`` -> ``(b, c, h, w)``."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-5)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``(b, c, h, w)`` along c."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNorm(nn.Module):
    """Convolution without bias, then ``ChannelNorm``; ``(b, c, h, w)`` -> ``(b, out_channels, h, w)``."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, groups=groups, bias=False)
        self.bn = ChannelNorm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve and normalize."""
        out: Tensor = self.bn(self.conv(x))
        return out


class SqueezeExcitation(nn.Module):
    """Gate every channel by a two-layer network of the image's channel means; shape kept."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Scale ``(b, c, h, w)`` by gates in 0..1 of shape ``(b, c, 1, 1)``."""
        return x * torch.sigmoid(self.fc2(F.silu(self.fc1(x.mean((2, 3), keepdim=True)))))


class RegNetBlock(nn.Module):
    """Bottleneck of width ``channels``: 1x1, depthwise 3x3, squeeze-excitation, 1x1, plus the shortcut."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(in_channels, channels)
        self.conv2 = ConvNorm(channels, channels, kernel=3, groups=channels)
        self.se = SqueezeExcitation(channels, round(0.25 * in_channels))
        self.conv3 = ConvNorm(channels, channels)
        self.downsample = ConvNorm(in_channels, channels) if in_channels != channels else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """``(b, in_channels, h, w)`` -> ``(b, channels, h, w)``."""
        y = F.silu(self.conv2(F.silu(self.conv1(x))))
        return F.silu(self.conv3(self.se(y)) + self.downsample(x))


class RegNetStage(nn.Module):
    """``depth`` blocks ``b1 .. b<depth>``; only the first changes the number of channels."""

    def __init__(self, in_channels: int, channels: int, depth: int) -> None:
        super().__init__()
        for index in range(depth):
            self.add_module(f"b{index + 1}", RegNetBlock(in_channels if index == 0 else channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """``(b, in_channels, h, w)`` -> ``(b, channels, h, w)``."""
        for block in self.children():
            x = block(x)
        return x


class StcConnector(nn.Module):
    """Two convolutional stages per frame with a 2x2x2 reduction of time, rows and columns between them.

    Args:
        in_channels: Channels of the vision encoder.
        channels: Channels of the language model.
        padding: Zero padding of the reduction: 1 in VideoLLaMA 2, 0 in 2.1 (an odd last frame, row or column is
            then dropped).
        depth: Blocks in either stage; 4 in the published models.
    """

    def __init__(self, in_channels: int, channels: int, padding: int, depth: int = 4) -> None:
        super().__init__()
        self.s1 = RegNetStage(in_channels, channels, depth)
        self.sampler = nn.Sequential(nn.Conv3d(channels, channels, 2, stride=2, padding=padding), nn.SiLU())
        self.s2 = RegNetStage(channels, channels, depth)
        self.readout = nn.Sequential(nn.Linear(channels, channels), nn.GELU(), nn.Linear(channels, channels))

    def forward(self, features: Tensor) -> Tensor:
        """Turn patch features into visual tokens.

        Args:
            features: ``(b, t, n, c)``, n = side * side patches in row-major order.

        Returns:
            ``(b, t' * h' * w', d)`` in the order time, row, column; every axis of size s becomes
            ``(s + 2 * padding - 2) // 2 + 1``: 8 frames of 24 x 24 with padding 1 are 5 * 13 * 13 = 845 tokens.
        """
        b, t, n, _ = features.shape
        side = isqrt(n)
        x = features.flatten(0, 1).transpose(1, 2).unflatten(2, (side, side))  # (b*t, c, h, w)
        x = self.s1(x).unflatten(0, (b, t)).transpose(1, 2)  # (b, d, t, h, w)
        x = self.sampler(x).transpose(1, 2)  # (b, t', d, h', w')
        x = self.s2(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        out: Tensor = self.readout(x.permute(0, 1, 3, 4, 2).flatten(1, 3))
        return out
