"""From the memory and one query per frame to mask logits: attention maps, convolutions per frame, then over time.

The heads of DETR and VisTR as Wnet uses them (Pan et al., CVPR 2022, section 3.5), with a deformable convolution
(Dai et al., ICCV 2017) at the end. Axes: t frames, c channels and n heads of ``WNetConfig``, h rows, w columns.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.wnet.config import WNetConfig

CLIP_CHANNELS = 12
"""Channels of the convolutions over the clip."""


class BoxAttention(nn.Module):
    """Attention of each frame's query over its frame, by head."""

    def __init__(self, config: WNetConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.q_linear = nn.Linear(config.channels, config.channels)
        self.k_linear = nn.Linear(config.channels, config.channels)

    def forward(self, queries: Tensor, memory: Tensor) -> Tensor:
        """Attend within each frame.

        Args:
            queries: ``(t, c)``.
            memory: ``(t, c, h, w)``.

        Returns:
            ``(t, n, h, w)``; the sum over heads, rows and columns of a frame is 1.
        """
        q = self.q_linear(queries).unflatten(1, (self.heads, -1))
        k = F.conv2d(memory, self.k_linear.weight[:, :, None, None], self.k_linear.bias).unflatten(1, (self.heads, -1))
        logits = torch.einsum("tnc,tnchw->tnhw", q * q.shape[2] ** -0.5, k)
        return logits.flatten(1).softmax(1).view_as(logits)


class DeformableConv(nn.Module):
    """3x3 convolution whose nine taps are moved by given offsets; no bias."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, in_channels, 3, 3))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def forward(self, x: Tensor, offsets: Tensor) -> Tensor:
        """Convolve.

        Args:
            x: ``(t, in_channels, h, w)``.
            offsets: ``(t, 18, h, w)``: dy, dx in pixels of tap ``3 * row + column``.

        Returns:
            ``(t, channels, h, w)``; samples outside the map are 0.
        """
        t, _, h, w = x.shape
        rows = torch.arange(h, device=x.device, dtype=x.dtype)[:, None]
        columns = torch.arange(w, device=x.device, dtype=x.dtype)
        moves = offsets.view(t, 9, 2, h, w)
        out = x.new_zeros(t, len(self.weight), h, w)
        for tap in range(9):
            y = rows + (tap // 3 - 1) + moves[:, tap, 0]
            z = columns + (tap % 3 - 1) + moves[:, tap, 1]
            grid = torch.stack(((2 * z + 1) / w - 1, (2 * y + 1) / h - 1), -1)
            sampled = F.grid_sample(x, grid, align_corners=False)
            out = out + F.conv2d(sampled, self.weight[:, :, tap // 3, tap % 3, None, None])
        return out


class FrameMaskHead(nn.Module):
    """Per-frame pyramid from stride 32 to stride 4.

    Args:
        config: Sizes.
        skips: Channels of the backbone's maps of stride 4, 8 and 16.
    """

    def __init__(self, config: WNetConfig, skips: tuple[int, int, int]) -> None:
        super().__init__()
        width, groups = config.channels, config.groups
        channels = width + config.heads
        self.lay1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.gn1 = nn.GroupNorm(groups, channels)
        self.lay2 = nn.Conv2d(channels, width // 2, 3, padding=1)
        self.gn2 = nn.GroupNorm(groups, width // 2)
        self.lay3 = nn.Conv2d(width // 2, width // 4, 3, padding=1)
        self.gn3 = nn.GroupNorm(groups, width // 4)
        self.lay4 = nn.Conv2d(width // 4, width // 8, 3, padding=1)
        self.gn4 = nn.GroupNorm(groups, width // 8)
        self.gn5 = nn.GroupNorm(groups, width // 16)
        self.conv_offset = nn.Conv2d(width // 8, 18, 1)
        self.dcn = DeformableConv(width // 8, width // 16)
        self.adapter1 = nn.Conv2d(skips[2], width // 2, 1)
        self.adapter2 = nn.Conv2d(skips[1], width // 4, 1)
        self.adapter3 = nn.Conv2d(skips[0], width // 8, 1)

    def adapt(self, maps: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Reduce the backbone's maps of stride 4, 8 and 16 to the head's channels, coarsest first; no audio in it."""
        fine, middle, coarse = maps
        return self.adapter1(coarse), self.adapter2(middle), self.adapter3(fine)

    def forward(self, memory: Tensor, attention: Tensor, adapted: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """``(t, c, h, w)``, ``(t, n, h, w)`` and the adapted maps -> ``(t, c / 16, H/4, W/4)``."""
        coarse, middle, fine = adapted
        x = F.relu(self.gn1(self.lay1(torch.cat((memory, attention), 1))))
        x = F.relu(self.gn2(self.lay2(x)))
        x = coarse + F.interpolate(x, size=coarse.shape[-2:], mode="nearest")
        x = F.relu(self.gn3(self.lay3(x)))
        x = middle + F.interpolate(x, size=middle.shape[-2:], mode="nearest")
        x = F.relu(self.gn4(self.lay4(x)))
        x = fine + F.interpolate(x, size=fine.shape[-2:], mode="nearest")
        return F.relu(self.gn5(self.dcn(x, self.conv_offset(x))))


def clip_mask_head(config: WNetConfig) -> nn.Sequential:
    """Convolutions over the whole clip: ``(1, c / 16, t, h, w)`` -> logits ``(1, 1, t, h, w)``."""
    layers: list[nn.Module] = []
    for channels in (config.channels // 16, CLIP_CHANNELS, CLIP_CHANNELS):
        convolution = nn.Conv3d(channels, CLIP_CHANNELS, 3, padding=2, dilation=2)
        layers += [convolution, nn.GroupNorm(4, CLIP_CHANNELS), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv3d(CLIP_CHANNELS, 1, 1))
