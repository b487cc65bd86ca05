"""Stage 1 of training the mini variant: a visual token tells which part of its piece of the clip is highlighted.

A helper, left out of the weights. Without it the language model learns how motion is spoken of long before the vision
tower learns to look, and then says the same of every target. Axes: b clips, t frames, g rows and columns of cells, m
visual tokens, d their channels, p cells of a token's piece.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from baselines.videollama2.sizes import Sizes

CELL = 4
"""Side of a cell, in pixels of the vision tower's input."""

REDUCTION = 2
"""The connector takes so many frames, rows and columns of patches together."""


class Locator(nn.Module):
    """Reads each cell of a token's piece off the token, linearly."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.cells = sizes.vision().patch_size // CELL
        self.padding = sizes.padding
        self.read = nn.Linear(sizes.language().hidden_size, REDUCTION * (REDUCTION * self.cells) ** 2)

    def forward(self, visual: Tensor) -> Tensor:
        """Logits that cells are highlighted: ``(b, m, d)`` to ``(b, m, p)``."""
        return self.read(visual)

    def pieces(self, shares: Tensor) -> Tensor:
        """Cut highlighted shares of cells ``(b, t, g, g)`` as the connector cuts the clip: ``(b, m, p)``."""
        border, side = self.padding * self.cells, REDUCTION * self.cells
        padded = F.pad(shares, (border, border, border, border, self.padding, self.padding))
        cut = padded.unfold(1, REDUCTION, REDUCTION).unfold(2, side, side).unfold(3, side, side)
        return cut.flatten(4).flatten(1, 3)


def locating_loss(locator: Locator, visual: Tensor, shares: Tensor) -> Tensor:
    """Binary cross-entropy of all cells: visual tokens ``(b, m, d)``; uint8 shares ``(b, t, g, g)``, 255: all of it."""
    return F.binary_cross_entropy_with_logits(locator(visual), locator.pieces(shares.float() / 255))
