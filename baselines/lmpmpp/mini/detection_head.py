"""LMPM++_det: the paper's variant with a detection head supervised by boxes (section 5, RMOT).

The paper says no more of it. Ours corrects the box that an object's mask suggests. Axes: c channels of an object
embedding.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from baselines.layers.nn.boxes import corners
from baselines.layers.nn.mlp import Mlp

NEAR_EDGE = 1e-3
"""Coordinates this near to a frame's edge are taken to be so near, before their logit is taken."""


class DetectionHead(nn.Module):
    """A three-layer perceptron: how the true box differs from the one that the mask suggests."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mlp = Mlp(channels + 4, channels, channels, 4)

    def forward(self, embeddings: Tensor, suggested: Tensor) -> Tensor:
        """Correct boxes; the correction is added in logits, so that nothing leaves the frame's sides far behind.

        Args:
            embeddings: Object embeddings ``(..., c)``.
            suggested: Boxes of their masks ``(..., 4)``: cx, cy, w, h in shares of the frame's width and height.

        Returns:
            Boxes ``(..., 4)``: x0, y0, x1, y1 in shares.
        """
        logits = suggested.clamp(NEAR_EDGE, 1 - NEAR_EDGE).logit()
        return corners((logits + self.mlp(torch.cat((embeddings, logits), dim=-1))).sigmoid())


def in_shares(boxes: Tensor, size: Sequence[int]) -> Tensor:
    """Boxes cx, cy, w, h ``(..., 4)`` in frame heights, in shares of a frame of ``size`` (rows, columns)."""
    across = size[1] / size[0]
    return boxes / boxes.new_tensor([across, 1, across, 1])
