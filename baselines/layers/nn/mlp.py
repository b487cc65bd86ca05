"""Multi-layer perceptron of the DETR family (box heads, mask embeddings, controllers)."""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn


class Mlp(nn.Module):
    """Linear layers with ReLU between them, none after the last; keys ``layers.<i>``.

    Args:
        widths: Channels of the input, of every hidden layer and of the output.
    """

    def __init__(self, *widths: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(widths))

    @property
    def last(self) -> nn.Linear:
        """The output layer."""
        layer = self.layers[-1]
        assert isinstance(layer, nn.Linear)
        return layer

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., widths[0])`` to ``(..., widths[-1])``."""
        *hidden, last = self.layers
        for layer in hidden:
            x = F.relu(layer(x))
        out: Tensor = last(x)
        return out
