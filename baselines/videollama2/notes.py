"""Addition, mini variant: before its sentence the model notes where the highlighted targets are, frame by frame.

A language model that starts from nothing learns how motion is spoken of long before it learns to look: it stayed at
sentences that fit any target. Notes make it look first, and give its words something small to go by. They are special
tokens, so decoding leaves them out of the sentence. Axes: b clips, t frames, g rows and columns of cells.
"""

import torch
from torch import Tensor

PLACES = 24
"""Columns or rows that are told apart, and sizes likewise."""

NOTE_TOKENS = (*(f"<{place}>" for place in range(PLACES)), "<none>")
"""A frame is noted by three of them: column and row of the center, and spread; <none> thrice where nothing is seen."""

NOTES_PER_FRAME = 3


def notes_of(shares: Tensor) -> Tensor:
    """Write the notes of clips.

    Args:
        shares: How much of each cell is highlighted, uint8 ``(b, t, g, g)``, 255: all of it.

    Returns:
        Indices into ``NOTE_TOKENS``, int64 ``(b, 3 t)``.
    """
    weights = shares.double() / 255
    g = shares.shape[-1]
    place = torch.arange(g, dtype=torch.double, device=shares.device) + 0.5
    mass = weights.sum((-2, -1))
    columns, rows = weights.sum(-2) / mass.clamp(min=1e-9)[..., None], weights.sum(-1) / mass.clamp(min=1e-9)[..., None]
    x, y = (columns * place).sum(-1), (rows * place).sum(-1)
    spread = ((columns * (place - x[..., None]) ** 2).sum(-1) + (rows * (place - y[..., None]) ** 2).sum(-1)).sqrt()
    numbers = (torch.stack((x, y, 2 * spread), -1) * PLACES / g).long().clamp(0, PLACES - 1)
    seen = (mass > 0.5)[..., None]
    return torch.where(seen, numbers, PLACES).flatten(1)
