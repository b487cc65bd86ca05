"""VLT's sentence encoder: a bidirectional GRU in its original form. Axes: b batch, l words, c channels."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.inputs.word_vectors import VECTOR_SIZE


class OriginalGru(nn.Module):
    """GRU whose reset gate acts before the recurrent product (Cho et al., 2014), as in Keras 2.3; ``nn.GRU`` differs.

    Rows of ``kernel`` ``(3c, 300)``, ``recurrent`` ``(3c, c)`` and ``bias`` ``(3c,)``: update gate, reset gate, state.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(3 * channels, VECTOR_SIZE))
        self.recurrent = nn.Parameter(torch.empty(3 * channels, channels))
        self.bias = nn.Parameter(torch.zeros(3 * channels))
        nn.init.xavier_uniform_(self.kernel)
        nn.init.orthogonal_(self.recurrent)

    def forward(self, words: Tensor) -> Tensor:
        """``(b, l, 300)`` -> states ``(b, l, c)``, from zeros on."""
        inputs = F.linear(words, self.kernel, self.bias)
        gates, candidate = self.recurrent.tensor_split((2 * self.recurrent.shape[1],))
        state = words.new_zeros(len(words), self.recurrent.shape[1])
        states = []
        for step in inputs.unbind(1):
            x_gates, x_state = step.tensor_split((2 * state.shape[1],), dim=1)
            update, reset = (x_gates + F.linear(state, gates)).sigmoid().chunk(2, 1)
            proposed = (x_state + F.linear(reset * state, candidate)).tanh()
            state = update * state + (1 - update) * proposed
            states.append(state)
        return torch.stack(states, 1)
