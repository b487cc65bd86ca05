"""Sine position encodings without parameters, over one, two or three axes.

Vaswani et al., "Attention Is All You Need" (2017), section 3.5, in DETR's form: positions are counted over the valid
cells only and scaled to 0..2π.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

_EPSILON = 1e-6


def sine_encoding(padding: Tensor, features: int, *, centered: bool = False, temperature: float = 10000.0) -> Tensor:
    """Encode the position of each valid cell along every axis.

    Args:
        padding: bool ``(b, n1, ..., nk)``, ``True`` where a cell is padding.
        features: Features per axis, even; sines and cosines alternate.
        centered: Count cells 0.5, 1.5, ... (Deformable DETR, ReferFormer) instead of 1, 2, ... (DETR, Mask2Former).
        temperature: Base of the geometric progression of wave lengths.

    Returns:
        float32 ``(b, k * features, n1, ..., nk)``, axes in order (for an image: rows, then columns).
    """
    valid = ~padding
    index = torch.arange(features, dtype=torch.float32, device=padding.device)
    wave = temperature ** (2 * torch.div(index, 2, rounding_mode="floor") / features)
    parts = []
    for axis in range(1, padding.dim()):
        count = valid.cumsum(axis, dtype=torch.float32)
        last = count.narrow(axis, padding.shape[axis] - 1, 1)
        position = (count - 0.5 if centered else count) / (last + _EPSILON) * (2 * math.pi)
        phase = position[..., None] / wave
        parts.append(torch.stack((phase[..., 0::2].sin(), phase[..., 1::2].cos()), dim=-1).flatten(-2))
    return torch.cat(parts, dim=-1).movedim(-1, 1)


def sine_grid(
    size: Sequence[int], features: int, *, centered: bool = False, device: torch.device | str | None = None
) -> Tensor:
    """Encode a grid without padding: float32 ``(1, k * features, *size)``. See ``sine_encoding``."""
    return sine_encoding(torch.zeros(1, *size, dtype=torch.bool, device=device), features, centered=centered)


def index_encoding(length: int, features: int, device: torch.device | str | None = None) -> Tensor:
    """Encode indices 0, 1, ..., not normalized, sines and cosines alternating: float32 ``(length, features)``."""
    steps = torch.arange(0, features, 2, device=device, dtype=torch.float32)
    phase = torch.arange(length, device=device)[:, None] * torch.exp(steps * (-math.log(10000.0) / features))
    return torch.stack((phase.sin(), phase.cos()), 2).flatten(1)
