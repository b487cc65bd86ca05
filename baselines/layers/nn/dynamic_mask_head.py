"""Masks from 1 x 1 convolutions whose weights are predicted per query.

Tian et al., "Conditional Convolutions for Instance Segmentation", ECCV 2020, section 3.2, as ReferFormer uses it.
Axes: t frames, q queries, c channels, h rows, w columns.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

PLACE = 2
"""Relative coordinates (x, y) that follow the mask features."""


@dataclass(frozen=True, slots=True)
class DynamicHead:
    """Sizes of the convolutions; the defaults are ReferFormer's.

    Attributes:
        channels: Channels of the mask features.
        layers: Convolutions, at least 2, with ReLU between them.
        width: Channels between the convolutions.
        outputs: Channels of the last one.
        stride: Pixels per cell of the mask features; a cell's place is ``stride * index + stride / 2``.
    """

    channels: int
    layers: int = 3
    width: int = 8
    outputs: int = 1
    stride: int = 4

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Output and input channels of every convolution."""
        widths = [self.channels + PLACE, *[self.width] * (self.layers - 1), self.outputs]
        return [(after, before) for before, after in pairwise(widths)]

    @property
    def parameter_count(self) -> int:
        """Number of predicted parameters per query: all weights, then all biases (2153 for 256 channels)."""
        return sum(after * before + after for after, before in self.shapes)

    def __call__(self, features: Tensor, parameters: Tensor, centers: Tensor) -> Tensor:
        """Apply every query's convolutions to the mask features.

        Args:
            features: ``(t, c, h, w)``, shared by the queries.
            parameters: ``(t, q, parameter_count)``.
            centers: A pixel of the un-padded image for every query, ``(t, q, 2)``, x then y. Coordinates are relative
                to it, in pixels, not normalized.

        Returns:
            float32 ``(t, q, outputs, h, w)``. Coordinates of hundreds of pixels make the values large, so half
            precision is left before the first convolution.
        """
        t, c, h, w = features.shape
        features, parameters, centers = features.float(), parameters.float(), centers.float()
        shapes, stride = self.shapes, self.stride
        parts = parameters.split([*(after * before for after, before in shapes), *(after for after, _ in shapes)], -1)
        weights = [part.unflatten(-1, shape) for part, shape in zip(parts, shapes, strict=False)]
        first, *rest = zip(weights, parts[len(shapes) :], strict=True)
        with torch.autocast(features.device.type, enabled=False):
            weight, bias = first
            # All queries share the features: one product per frame instead of one copy per query.
            x = torch.matmul(weight[..., :c].flatten(1, 2), features.flatten(2)).view(t, -1, self.width, h, w)
            columns = torch.arange(w, device=features.device) * stride + stride / 2
            rows = torch.arange(h, device=features.device) * stride + stride / 2
            right, down = weight[..., c, None, None], weight[..., c + 1, None, None]
            x = x + right * (centers[..., 0, None] - columns)[:, :, None, None, :]
            x = x + down * (centers[..., 1, None] - rows)[:, :, None, :, None]
            x = (x + bias[..., None, None]).flatten(3)
            for weight, bias in rest:
                x = weight @ x.relu() + bias[..., None]
        out: Tensor = x.view(t, -1, self.outputs, h, w)
        return out
