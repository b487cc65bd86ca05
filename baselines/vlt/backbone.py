"""Darknet-53 (Redmon and Farhadi, "YOLOv3", 2018), without its classifier and with YOLOv3's first six head layers.

Axes: b batch, c channels, h rows, w columns.
"""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from baselines.vlt.config import VltConfig

NORM_EPS = 1e-3
"""Keras's."""
LEAK = 0.1


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm, leaky ReLU.

    A convolution of stride 2 is padded at the left and the top only.

    Args:
        channels: Of the input.
        out: Of the output.
        kernel: 1 or 3.
        stride: 1 or 2.
    """

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.padding = (1, 0, 1, 0) if stride == 2 else (kernel // 2,) * 4
        self.conv = nn.Conv2d(channels, out, kernel, stride, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """``(b, channels, h, w)`` -> ``(b, out, h / stride, w / stride)``."""
        return leaky(self.bn(self.conv(F.pad(x, self.padding))))


def leaky(x: Tensor) -> Tensor:
    """Leaky ReLU of the whole network."""
    return F.leaky_relu(x, LEAK)


class Stage(nn.Module):
    """Halves the resolution, then adds residual blocks of a 1x1 and a 3x3 convolution."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        out = 2 * channels
        self.down = ConvNorm(channels, out, 3, stride=2)
        self.blocks = nn.ModuleList(
            nn.Sequential(ConvNorm(out, channels, 1), ConvNorm(channels, out, 3)) for _ in range(blocks)
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(b, c, h, w)`` -> ``(b, 2c, h / 2, w / 2)``."""
        x = self.down(x)
        for block in self.blocks:
            x = x + block(x)
        return x


class Pyramid(NamedTuple):
    """Maps of a frame that do not depend on text: strides 8, 16 and 32, ``(b, c, h, w)`` each."""

    stride8: Tensor
    stride16: Tensor
    stride32: Tensor


class PreparedPyramid(nn.Module):
    """Stands in for the backbone where maps of stride 4 were computed before.

    Args:
        channels: Of these maps.
        config: Sizes.
    """

    def __init__(self, channels: int, config: VltConfig) -> None:
        super().__init__()
        self.levels = nn.ModuleList(ConvNorm(channels, config.stem * 2**index, 1) for index in (3, 4, 5))

    def forward(self, maps: Tensor) -> Pyramid:
        """Project ``(b, channels, h, w)`` at strides 8, 16 and 32; h and w are multiples of 8."""
        pooled = (F.avg_pool2d(maps, stride) for stride in (2, 4, 8))
        return Pyramid(*(level(x) for level, x in zip(self.levels, pooled, strict=True)))


class Darknet(nn.Module):
    """The backbone: five stages, and six more layers on the last map."""

    def __init__(self, config: VltConfig) -> None:
        super().__init__()
        self.stem = ConvNorm(3, config.stem, 3)
        self.stages = nn.ModuleList(Stage(config.stem * 2**index, n) for index, n in enumerate(config.blocks))
        wide = config.stem * 32
        self.head = nn.Sequential(
            *(ConvNorm(*pair) for _ in range(3) for pair in ((wide, wide // 2, 1), (wide // 2, wide, 3)))
        )

    def forward(self, images: Tensor) -> Pyramid:
        """Encode RGB ``(b, 3, H, W)`` in 0..1, H and W multiples of 32."""
        x, maps = self.stem(images), []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return Pyramid(maps[2], maps[3], self.head(maps[4]))
