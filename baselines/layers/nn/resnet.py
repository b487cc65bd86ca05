"""ResNet-50 and ResNet-101 with frozen batch norm, as the DETR family uses them.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, with the stride on the 3x3 convolution (the
layout of torchvision's weights, whose key names are kept).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class ResNetConfig:
    """Sizes of a ResNet; the defaults are ResNet-50.

    Attributes:
        blocks: Bottlenecks of each of the four stages.
        width: Channels of the stem; stage i has ``4 * width * 2**i``.
    """

    blocks: tuple[int, int, int, int] = (3, 4, 6, 3)
    width: int = 64

    @property
    def channels(self) -> tuple[int, int, int, int]:
        """Channels of the four stages, whose strides are 4, 8, 16 and 32."""
        w = 4 * self.width
        return w, 2 * w, 4 * w, 8 * w


RESNETS: Mapping[str, ResNetConfig] = {
    "resnet50": ResNetConfig(),
    "resnet101": ResNetConfig((3, 4, 23, 3)),
    "resnet-mini": ResNetConfig((1, 1, 1, 1), width=8),
}
"""Sizes by name; ``resnet-mini`` trains on a CPU and has no published weights."""


class FrozenBatchNorm2d(nn.Module):
    """Batch norm with constant statistics and affine terms: ``y = x * s + (b - mean * s)``.

    ``s = weight / sqrt(running_var + 1e-5)``. All four are buffers, so no optimizer updates them.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``(n, c, h, w)``."""
        scale = self.weight * (self.running_var + 1e-5).rsqrt()
        shift = self.bias - self.running_mean * scale
        return x * scale[:, None, None] + shift[:, None, None]


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with a residual: ``(n, in, h, w) -> (n, 4 * width, ceil(h / stride), ceil(w / stride))``."""

    def __init__(self, in_channels: int, width: int, stride: int, norm: type[nn.Module] = FrozenBatchNorm2d) -> None:
        super().__init__()
        out_channels = 4 * width
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = norm(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = norm(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False), norm(out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        result: Tensor = self.relu(self.bn3(self.conv3(out)) + identity)
        return result


class ResNet(nn.Module):
    """The trunk without pooling and classifier; 265 state-dict entries for ResNet-50, 520 for ResNet-101.

    Args:
        config: Sizes.
        norm: Class of the norms, called with the channels; LBDT trains ``nn.BatchNorm2d``.
    """

    def __init__(self, config: ResNetConfig, norm: type[nn.Module] = FrozenBatchNorm2d) -> None:
        super().__init__()
        width, channels = config.width, config.channels
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = norm(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        first, second, third, fourth = config.blocks
        self.layer1 = _stage(width, width, first, stride=1, norm=norm)
        self.layer2 = _stage(channels[0], 2 * width, second, stride=2, norm=norm)
        self.layer3 = _stage(channels[1], 4 * width, third, stride=2, norm=norm)
        self.layer4 = _stage(channels[2], 8 * width, fourth, stride=2, norm=norm)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> list[Tensor]:
        """Encode images.

        Args:
            images: ``(n, 3, h, w)``, normalized; any size, without padding to a multiple.

        Returns:
            Four maps ``(n, channels[i], ceil(h / s), ceil(w / s))`` for the strides s = 4, 8, 16, 32.
        """
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        maps = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            maps.append(x)
        return maps


def _stage(in_channels: int, width: int, blocks: int, *, stride: int, norm: type[nn.Module]) -> nn.Sequential:
    """Stack of ``blocks`` bottlenecks; the first one changes size and channels."""
    first = Bottleneck(in_channels, width, stride, norm)
    return nn.Sequential(first, *(Bottleneck(4 * width, width, 1, norm) for _ in range(blocks - 1)))
