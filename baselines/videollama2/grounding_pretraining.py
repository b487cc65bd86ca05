"""Stage 1 of training the mini variant: predict from each visual token which cells of its receptive field are targets.

An auxiliary head, not stored with the weights. Without it the language model learns the style of motion expressions
long before the vision tower learns to localize. Axes: b clips, t frames, g rows and columns of cells, m visual tokens,
d their channels, p cells per visual token.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from baselines.videollama2.sizes import Sizes

CELL = 4
"""Side of a cell, in pixels of the vision tower's input."""

REDUCTION = 2
"""Frames, rows and columns of patches per visual token (the connector's stride)."""


class GroundingHead(nn.Module):
    """Linear classifier of the cells of each visual token."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.cells = sizes.patch_size // CELL
        self.padding = sizes.padding
        self.read = nn.Linear(sizes.language().hidden_size, REDUCTION * (REDUCTION * self.cells) ** 2)

    def forward(self, visual: Tensor) -> Tensor:
        """Logits of cells being highlighted: ``(b, m, d)`` to ``(b, m, p)``."""
        logits: Tensor = self.read(visual)
        return logits

    def cell_targets(self, coverage: Tensor) -> Tensor:
        """Group the coverage of cells ``(b, t, g, g)`` as the connector groups the clip: ``(b, m, p)``."""
        border, side = self.padding * self.cells, REDUCTION * self.cells
        padded = F.pad(coverage, (border, border, border, border, self.padding, self.padding))
        blocks = padded.unfold(1, REDUCTION, REDUCTION).unfold(2, side, side).unfold(3, side, side)
        return blocks.flatten(4).flatten(1, 3)


def grounding_loss(head: GroundingHead, visual: Tensor, coverage: Tensor) -> Tensor:
    """Binary cross-entropy of all cells.

    Args:
        head: The classifier.
        visual: Visual tokens ``(b, m, d)``.
        coverage: Highlighted area of each cell, uint8 ``(b, t, g, g)``, 255: all of it.
    """
    return F.binary_cross_entropy_with_logits(head(visual), head.cell_targets(coverage.float() / 255))
