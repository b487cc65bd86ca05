"""Mask decoder over tracks (mini).

Axes: n sentences, s <SEG> tokens, k tracks, D hidden channels of the language model.
"""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from baselines.layers.nn.mlp import Mlp


class TrackMaskDecoder(nn.Module):
    """The paper's dot product with mask features, where the mask feature of a pixel knows the pixel's track.

    One vector cannot separate distractors by their pixels. Here the mask feature of a pixel is
    ``Σ_k key_k m_k(pixel)``, where m_k are the mask logits of track k, so that the dot product with a <SEG> embedding e
    is ``Σ_k <e, key_k> m_k``. The products are normalized by a softmax over the tracks, which keeps the scale of the
    mask logits.
    """

    def __init__(self, hidden: int, channels: int) -> None:
        super().__init__()
        self.mlp = Mlp(hidden, channels, channels, channels)
        self.key = nn.Linear(hidden, channels)
        self.scale = channels**-0.5

    def forward(self, seg_states: Tensor, track_tokens: Tensor, valid: Tensor) -> Tensor:
        """Track weights of <SEG> tokens.

        Args:
            seg_states: ``(n, s, D)``.
            track_tokens: Object tokens of whole trajectories, ``(n, k, D)``.
            valid: bool ``(n, k)``, at least one valid track per sentence.

        Returns:
            Softmax over the valid tracks, ``(n, s, k)``.
        """
        products = self.mlp(seg_states) @ self.key(track_tokens).mT * self.scale
        return products.masked_fill(~valid[:, None], float("-inf")).softmax(-1)


def assign_tracks(track_weights: Tensor, num_objects: int) -> Tensor:
    """Assign a different track to each of the first N_o <SEG> tokens, maximizing the sum of their weights.

    A weighted mean of the masks of several tracks would not be an object's mask, and two <SEG> tokens never refer to
    the same object.

    Args:
        track_weights: ``(s, k)``.
        num_objects: N_o, at most s and at most k.

    Returns:
        Track of each <SEG> token, int64 ``(N_o,)``.
    """
    _, tracks = linear_sum_assignment(track_weights[:num_objects].cpu().numpy(), maximize=True)
    return torch.as_tensor(tracks, dtype=torch.long, device=track_weights.device)
