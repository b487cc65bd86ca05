"""Grounding scratchpad of the mini variant, an addition: the targets' location in every frame, before the sentence.

A language model trained from scratch learns the style of motion expressions long before it attends to the video and
produces sentences that fit any target. Scratchpad tokens force it to ground the sentence first. They are special
tokens, which decoding removes. Axes: b clips, t frames, g rows and columns of cells.
"""

import torch
from torch import Tensor

NUM_BINS = 24
"""Bins of columns, rows and sizes."""

SCRATCHPAD_TOKENS = (*(f"<{bin_}>" for bin_ in range(NUM_BINS)), "<none>")
"""A frame has three: column and row of the center, and spread; three times <none> where no target is visible."""

TOKENS_PER_FRAME = 3


def scratchpad_targets(coverage: Tensor) -> Tensor:
    """Scratchpad of clips.

    Args:
        coverage: Highlighted area of each cell, uint8 ``(b, t, g, g)``, 255: all of it.

    Returns:
        Indices into ``SCRATCHPAD_TOKENS``, int64 ``(b, 3 t)``.
    """
    weights = coverage.double() / 255
    g = coverage.shape[-1]
    position = torch.arange(g, dtype=torch.double, device=coverage.device) + 0.5
    mass = weights.sum((-2, -1))
    columns, rows = weights.sum(-2) / mass.clamp(min=1e-9)[..., None], weights.sum(-1) / mass.clamp(min=1e-9)[..., None]
    x, y = (columns * position).sum(-1), (rows * position).sum(-1)
    x_variance = (columns * (position - x[..., None]) ** 2).sum(-1)
    y_variance = (rows * (position - y[..., None]) ** 2).sum(-1)
    spread = (x_variance + y_variance).sqrt()
    bins = (torch.stack((x, y, 2 * spread), -1) * NUM_BINS / g).long().clamp(0, NUM_BINS - 1)
    visible = (mass > 0.5)[..., None]
    return torch.where(visible, bins, NUM_BINS).flatten(1)
