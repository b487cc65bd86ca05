"""Masks from three 1 x 1 convolutions whose weights are predicted per query.

Tian et al., "Conditional Convolutions for Instance Segmentation", ECCV 2020, section 3.2, as ReferFormer uses it.
Axes: t frames, q queries, c channels, h rows, w columns.
"""

import torch
from torch import Tensor

WIDTH = 8
"""Channels between the convolutions."""

PLACE = 2
"""Relative coordinates (x, y) that follow the mask features."""


def parameter_count(channels: int) -> int:
    """Number of predicted parameters per query: all weights, then all biases (2153 for 256 channels)."""
    return (channels + PLACE) * WIDTH + WIDTH * WIDTH + WIDTH + WIDTH + WIDTH + 1


def dynamic_masks(features: Tensor, parameters: Tensor, centers: Tensor, stride: int = 4) -> Tensor:
    """Apply every query's convolutions to the mask features.

    Args:
        features: ``(t, c, h, w)``, shared by the queries.
        parameters: ``(t, q, parameter_count(c))``.
        centers: A pixel of the un-padded image for every query, ``(t, q, 2)``, x then y. Coordinates are relative to
            it, in pixels, not normalized.
        stride: Pixels per cell; a cell's place is ``stride * index + stride / 2``.

    Returns:
        float32 logits ``(t, q, h, w)``. Coordinates of hundreds of pixels make them large, so half precision is left
        before the first convolution.
    """
    t, c, h, w = features.shape
    features, parameters, centers = features.float(), parameters.float(), centers.float()
    sizes = [(c + PLACE) * WIDTH, WIDTH * WIDTH, WIDTH, WIDTH, WIDTH, 1]
    first, second, third, first_bias, second_bias, third_bias = parameters.split(sizes, dim=-1)
    first = first.unflatten(-1, (WIDTH, c + PLACE))
    with torch.autocast(features.device.type, enabled=False):
        # All queries share the features: one product per frame instead of one copy per query.
        x = torch.matmul(first[..., :c].flatten(1, 2), features.flatten(2)).view(t, -1, WIDTH, h, w)
        columns = torch.arange(w, device=features.device) * stride + stride / 2
        rows = torch.arange(h, device=features.device) * stride + stride / 2
        right, down = first[..., c, None, None], first[..., c + 1, None, None]
        x = x + right * (centers[..., 0, None] - columns)[:, :, None, None, :]
        x = x + down * (centers[..., 1, None] - rows)[:, :, None, :, None]
        x = (x + first_bias[..., None, None]).relu().flatten(3)
        x = (second.unflatten(-1, (WIDTH, WIDTH)) @ x + second_bias[..., None]).relu()
        x = third[..., None, :] @ x + third_bias[..., None]
    out: Tensor = x.view(t, -1, h, w)
    return out
