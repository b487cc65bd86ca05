"""Mask decoder of followed objects.

Axes: n videos or sentences, s <SEG> tokens, k tracks, D hidden channels of the language model.
"""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from baselines.layers.nn.mlp import Mlp


class LinkedMaskDecoder(nn.Module):
    """Addition: the same dot product with mask features that know which followed object a pixel belongs to.

    One vector can't tell look-alikes apart by what a pixel looks like. Here the mask feature of a pixel is
    ``Σ_k key_k m_k(pixel)``, m_k being the mask logits of track k. The dot product with a <SEG> embedding e is then
    ``Σ_k <e, key_k> m_k``; the products are normalized over the tracks, so that the logits keep their scale.
    """

    def __init__(self, hidden: int, channels: int) -> None:
        super().__init__()
        self.mlp = Mlp(hidden, channels, channels, channels)
        self.key = nn.Linear(hidden, channels)
        self.scale = channels**-0.5

    def shares(self, seg: Tensor, tracks: Tensor, valid: Tensor) -> Tensor:
        """How much of each track a <SEG> means.

        Args:
            seg: <SEG> states ``(n, s, D)``.
            tracks: Object tokens of the whole trajectories, ``(n, k, D)``.
            valid: bool ``(n, k)``, at least one track per row.

        Returns:
            ``(n, s, k)``, summing to 1 over the tracks.
        """
        products = self.mlp(seg) @ self.key(tracks).mT * self.scale
        return products.masked_fill(~valid[:, None], float("-inf")).softmax(-1)


def assign_tracks(shares: Tensor, count: int) -> Tensor:
    """Give each of the first N_o <SEG> tokens a track of its own, the shares together as large as can be.

    A mixture of tracks would be no object's mask, and two <SEG> tokens never mean one object.

    Args:
        shares: How much of each track every <SEG> means, ``(s, k)``.
        count: N_o, at most s and at most the number of tracks with a share.

    Returns:
        Indices of tracks, int64 ``(N_o,)``.
    """
    _, tracks = linear_sum_assignment(shares[:count].cpu().numpy(), maximize=True)
    return torch.as_tensor(tracks, dtype=torch.long, device=shares.device)
