"""Hierarchical motion perception: attention of a query's track to the motion words over 8, 4 and 2 frames.

DsHmp (He & Ding, CVPR 2024), section 3.3. Axes: n windows, w frames of a window, q queries, m words, c channels.
"""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn


def align_queries(x: Tensor) -> Tensor:
    """Match the queries of every frame of a window with the tracks of the preceding frame.

    The authors apply the assignment of the transposed costs, the inverse of the order that would align the queries;
    their weights were trained with it, so it is kept.

    Args:
        x: ``(n, w, q, c)``.

    Returns:
        int64 ``(n, w, q)``: row r of the aligned frame is row ``order[r]`` of the frame. Frame 0 keeps its order.
    """
    frames = x.detach().float().cpu()
    unit = frames / (frames.norm(dim=-1, keepdim=True) + 1e-6)
    windows, length, queries, _ = x.shape
    order = torch.arange(queries).expand(windows, length, -1).clone()
    aligned = unit[:, 0]
    for frame in range(1, length):
        current = unit[:, frame]
        cost = (1 - aligned @ current.transpose(1, 2)).float().nan_to_num(nan=0.0).transpose(1, 2).numpy()
        for window in range(windows):
            order[window, frame] = torch.from_numpy(linear_sum_assignment(cost[window])[1])
        aligned = current.gather(1, order[:, frame, :, None].expand_as(current))
    return order.to(x.device)


class MotionAttention(nn.Module):
    """Attention of tracks to the motion words, pooled over ever longer stretches and added to all frames.

    Args:
        channels: Width c of queries and words.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = channels**-0.5
        self.to_q = nn.Linear(channels, channels)
        self.to_k = nn.Linear(channels, channels)
        self.to_v = nn.Linear(channels, channels)
        self.out1 = nn.Linear(channels, channels)
        self.norm1 = nn.LayerNorm(channels)
        self.out2 = nn.Linear(channels, channels)
        self.norm2 = nn.LayerNorm(channels)
        self.out3 = nn.Linear(channels, channels)
        self.norm3 = nn.LayerNorm(channels)
        self.res_gate = nn.Sequential(
            nn.Linear(channels, channels, bias=False), nn.ReLU(), nn.Linear(channels, channels, bias=False), nn.Tanh()
        )

    def forward(self, x: Tensor, words: Tensor, padding: Tensor | None = None) -> Tensor:
        """Refine a window's queries.

        Args:
            x: ``(n, 8, q, c)``. Padded frames take part.
            words: ``(m, c)``, the motion words and the sentence; of several sentences ``(n, m, c)``.
            padding: bool ``(n, m)``, ``True`` on padding.

        Returns:
            ``(n, 8, q, c)``, queries in the input's order.
        """
        order = align_queries(x)[..., None].expand_as(x)
        aligned = x.gather(2, order)
        words = words if words.ndim == 3 else words[None]
        key, value = self.to_k(words)[:, None], self.to_v(words)[:, None]
        tracks = self.to_q(aligned.transpose(1, 2))
        for out, norm in ((self.out1, self.norm1), (self.out2, self.norm2), (self.out3, self.norm3)):
            tracks = norm(out(self._attend(tracks, key, value, padding)) + tracks)
            tracks = tracks.unflatten(2, (-1, 2)).mean(3)
        aligned = aligned + (self.res_gate(tracks) * tracks).transpose(1, 2)
        return torch.empty_like(aligned).scatter_(2, order, aligned)

    def _attend(self, tracks: Tensor, key: Tensor, value: Tensor, padding: Tensor | None) -> Tensor:
        """Attend from tracks ``(n, q, f, c)`` to words ``(n, 1, m, c)``: ``(n, q, f, c)``.

        Weights are normalized over frames, then words. ``padding``: bool ``(n, m)``.
        """
        weights = (tracks @ key.mT * self.scale).softmax(-2)
        if padding is not None:
            weights = weights.masked_fill(padding[:, None, None], 0.0)
        out: Tensor = weights / (weights.sum(-1, keepdim=True) + 1e-8) @ value
        return out
