"""LMPM++_det: the paper's variant with a detection head supervised by boxes (section 5, RMOT).

The paper gives no details. This head corrects the box of an object's mask. Axes: c channels of an object embedding.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from baselines.layers.nn.boxes import corners
from baselines.layers.nn.mlp import Mlp

EPS = 1e-3
"""Normalized coordinates are clamped to ``EPS .. 1 - EPS`` before their logit is taken."""


class DetectionHead(nn.Module):
    """Three-layer perceptron that predicts the difference between the ground-truth box and the box of the mask."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mlp = Mlp(channels + 4, channels, channels, 4)

    def forward(self, embeddings: Tensor, mask_boxes: Tensor) -> Tensor:
        """Correct boxes; the correction is added to logits, so that boxes stay inside the frame.

        Args:
            embeddings: Object embeddings ``(..., c)``.
            mask_boxes: Boxes of their masks ``(..., 4)``: cx, cy, w, h, normalized by the frame's width and height.

        Returns:
            Boxes ``(..., 4)``: x0, y0, x1, y1, normalized.
        """
        logits = mask_boxes.clamp(EPS, 1 - EPS).logit()
        return corners((logits + self.mlp(torch.cat((embeddings, logits), dim=-1))).sigmoid())


def normalize_boxes(boxes: Tensor, frame_shape: Sequence[int]) -> Tensor:
    """Convert boxes cx, cy, w, h ``(..., 4)`` from frame heights to fractions of ``frame_shape`` (rows, columns)."""
    aspect = frame_shape[1] / frame_shape[0]
    return boxes / boxes.new_tensor([aspect, 1, aspect, 1])
