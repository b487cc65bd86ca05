"""TempRMOT's temporal enhancement: each query attends to its own history, then to all other queries.

Zhang et al., "Bootstrapping Referring Multi-Object Tracking" (2024). Axes: q queries, n frames of history, oldest
first, c channels.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.nn.deformable_transformer import inverse_sigmoid
from baselines.layers.nn.mlp import Mlp
from baselines.layers.nn.track_queries import Detections


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """States of each query in the last n frames.

    Attributes:
        states: ``(q, n, c)``, newest last.
        absent: bool ``(q, n)``, ``True`` where the query did not exist yet.
    """

    states: Tensor
    absent: Tensor

    @classmethod
    def empty(cls, queries: int, length: int, like: Tensor) -> "History":
        """History of new queries."""
        states = like.new_zeros(queries, length, like.shape[-1])
        return cls(states, torch.ones(queries, length, dtype=torch.bool, device=like.device))

    def __getitem__(self, rows: Tensor) -> "History":
        return History(self.states[rows], self.absent[rows])

    def followed_by(self, other: "History") -> "History":
        """Append the histories of further queries."""
        return History(torch.cat((self.states, other.states)), torch.cat((self.absent, other.absent)))

    def shifted(self, newest: Tensor) -> "History":
        """Remove the oldest frame and append ``newest`` ``(q, c)``."""
        present = torch.zeros_like(self.absent[:, :1])
        return History(
            torch.cat((self.states[:, 1:], newest[:, None]), dim=1), torch.cat((self.absent[:, 1:], present), dim=1)
        )

    def corrected(self, newest: Tensor) -> "History":
        """Replace the newest frame by ``newest`` ``(q, c)``."""
        return History(torch.cat((self.states[:, :-1], newest[:, None]), dim=1), self.absent)


class HistoryLayer(nn.Module):
    """Self-attention, attention to a memory, feed-forward; each post-normed."""

    def __init__(self, channels: int = 256, feedforward: int = 1024, heads: int = 8, dropout: float = 0.1) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(channels, heads, dropout, batch_first=True)
        self.norm2 = nn.LayerNorm(channels)
        self.cross_attn = nn.MultiheadAttention(channels, heads, dropout, batch_first=True)
        self.norm1 = nn.LayerNorm(channels)
        self.linear1 = nn.Linear(channels, feedforward)
        self.linear2 = nn.Linear(feedforward, channels)
        self.norm3 = nn.LayerNorm(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, memory: Tensor, position: Tensor, key_position: Tensor, absent: Tensor | None
    ) -> Tensor:
        """Refine ``x`` ``(b, t, c)`` from ``memory`` ``(b, n, c)``; ``absent`` bool ``(b, n)`` hides memory entries."""
        query = x + position
        attended, _ = self.self_attn(query, query, x, need_weights=False)
        x = self.norm2(x + self.dropout(attended))
        attended, _ = self.cross_attn(
            x + position, memory + key_position, memory, key_padding_mask=absent, need_weights=False
        )
        x = self.norm1(x + self.dropout(attended))
        hidden = self.dropout(F.relu(self.linear1(x)))
        out: Tensor = self.norm3(x + self.dropout(self.linear2(hidden)))
        return out


class HistoryStack(nn.Module):
    """Three layers that attend to the same memory; keys ``layers.<i>``."""

    def __init__(self, channels: int, feedforward: int, heads: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(HistoryLayer(channels, feedforward, heads) for _ in range(3))
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(
        self, x: Tensor, memory: Tensor, position: Tensor, key_position: Tensor, absent: Tensor | None = None
    ) -> Tensor:
        """Refine ``x``; axes as in the layer."""
        for layer in self.layers:
            x = layer(x, memory, position, key_position, absent)
        return x


class SpatialTemporalReasoner(nn.Module):
    """Correct a frame's detections from the queries' history and from each other.

    The detect queries take part too, so every score depends on all tracks. ``fusion_module`` is in the authors'
    files and is not applied; ``obiect_attention`` is spelled as there.

    Args:
        length: Frames of history.
        channels: Width.
        feedforward: Hidden units of the feed-forward blocks.
        heads: Attention heads.
    """

    def __init__(self, length: int, channels: int = 256, feedforward: int = 1024, heads: int = 8) -> None:
        super().__init__()
        self.length = length
        self.fusion_module = nn.ModuleDict({"multihead_attn": nn.MultiheadAttention(channels, heads, batch_first=True)})
        self.ts_query_embed = nn.Sequential(
            nn.Linear(channels, channels), nn.ReLU(inplace=True), nn.Linear(channels, channels)
        )
        self.hist_transformer = HistoryStack(channels, feedforward, heads)
        self.obiect_attention = HistoryStack(channels, feedforward, heads)
        self.track_cls = nn.Linear(channels, 1)
        self.track_ref = nn.Linear(channels, 1)
        self.track_box = Mlp(channels, channels, channels, 4)
        for head in (self.track_cls, self.track_ref):
            nn.init.constant_(head.bias, -4.595)  # probability 0.01, as the detector's heads
        nn.init.zeros_(self.track_box.last.weight)
        nn.init.zeros_(self.track_box.last.bias)

    def forward(self, detections: Detections, history: History, position: Tensor) -> tuple[Detections, History]:
        """Refine.

        Args:
            detections: Of all queries of the frame.
            history: Of the same queries, without this frame.
            position: ``(q, c)``, position half of the queries' embeddings.

        Returns:
            The corrected detections and the history with this frame, corrected.
        """
        history = history.shifted(detections.output)
        time = self.ts_query_embed(time_encoding(self.length, position))[None]
        x = detections.output[:, None]
        x = self.hist_transformer(x, history.states, time[:, -1:], time, history.absent)
        x = x.transpose(0, 1)  # from one sequence per query to one sequence of all queries
        x = self.obiect_attention(x, x, position[None], position[None])[0]
        boxes = (self.track_box(x) + inverse_sigmoid(detections.boxes)).sigmoid()
        refined = Detections(self.track_cls(x)[:, 0], self.track_ref(x)[:, 0], boxes, x)
        return refined, history.corrected(x)


def time_encoding(length: int, like: Tensor) -> Tensor:
    """Sines and cosines of ``length`` time steps spaced evenly over 0..2π, oldest first: ``(length, c)``."""
    channels = like.shape[-1]
    index = torch.arange(channels, dtype=like.dtype, device=like.device)
    wave = 10000.0 ** (2 * torch.div(index, 2, rounding_mode="floor") / channels)
    phase = torch.linspace(0, 2 * math.pi, length, dtype=like.dtype, device=like.device)[:, None] / wave
    return torch.stack((phase[:, 0::2].sin(), phase[:, 1::2].cos()), dim=-1).flatten(1)
