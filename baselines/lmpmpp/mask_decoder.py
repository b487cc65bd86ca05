"""Mask Decoder: from the state of a <SEG> token to a mask in every frame (paper section 4).

Axes: n <SEG> tokens, t frames, c mask channels, D hidden channels of the language model, h and w at the mask
features' stride.
"""

import torch
from torch import Tensor, nn

from baselines.layers.nn.mlp import Mlp


class MaskDecoder(nn.Module):
    """A three-layer perceptron on the <SEG> state, then a dot product with every frame's mask features."""

    def __init__(self, hidden: int, channels: int) -> None:
        super().__init__()
        self.mlp = Mlp(hidden, channels, channels, channels)

    def forward(self, seg: Tensor, mask_features: Tensor) -> Tensor:
        """Mask logits of <SEG> states ``(n, D)`` in frames ``(t, c, h, w)``: ``(n, t, h, w)``."""
        return torch.einsum("nc,tchw->nthw", self.mlp(seg), mask_features)
