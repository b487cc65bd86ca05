"""Mask Decoder: from the state of a <SEG> token to a mask trajectory over all frames (paper section 4, figure 7).

Axes: n <SEG> tokens, t frames, c mask channels, D hidden channels of the language model, h and w at the mask features'
stride.
"""

import torch
from torch import Tensor, nn

from baselines.layers.nn.mlp import Mlp


class MaskDecoder(nn.Module):
    """Three-layer perceptron on the <SEG> state, then a dot product with the mask features of every frame."""

    def __init__(self, hidden: int, channels: int) -> None:
        super().__init__()
        self.mlp = Mlp(hidden, channels, channels, channels)

    def forward(self, seg_states: Tensor, mask_features: Tensor) -> Tensor:
        """Mask logits of <SEG> states ``(n, D)`` in frames ``(t, c, h, w)``: ``(n, t, h, w)``."""
        return torch.einsum("nc,tchw->nthw", self.mlp(seg_states), mask_features)
