"""VLT's transformer: attention with ReLUs around every projection, post-norm layers, a decoder causal over its queries.

Axes: b batch, q queries, n tokens, c width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_EPS = 1e-14
DROPOUT = 0.1


class ReluAttention(nn.Module):
    """Multi-head attention whose projections, the output's too, pass a ReLU."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.o = nn.Linear(width, width)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, *, causal: bool = False) -> Tensor:
        """Attend from ``(b, q, c)`` to ``(b, n, c)``; ``causal``: query i sees the first i + 1 tokens."""
        q, k, v = (
            F.relu(projection(x)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection, x in ((self.q, queries), (self.k, keys), (self.v, values))
        )
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return F.relu(self.o(attended.transpose(1, 2).flatten(2)))


class FeedForward(nn.Module):
    """Two linear layers, a ReLU between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width, width)
        self.linear2 = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """``(b, n, c)``, shape kept."""
        out: Tensor = self.linear2(F.relu(self.linear1(x)))
        return out


class EncoderLayer(nn.Module):
    """Self-attention and MLP."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self_attn = ReluAttention(width, heads)
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.ffn = FeedForward(width)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPS)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        """``(b, n, c)``, shape kept."""
        x = self.norm1(x + self.dropout(self.self_attn(x, x, x)))
        out: Tensor = self.norm2(x + self.dropout(self.ffn(x)))
        return out


class DecoderLayer(nn.Module):
    """Self-attention among the queries up to each one, attention to the memory, MLP."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self_attn = ReluAttention(width, heads)
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.cross_attn = ReluAttention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPS)
        self.ffn = FeedForward(width)
        self.norm3 = nn.LayerNorm(width, eps=NORM_EPS)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        """Update queries ``(b, q, c)`` from ``memory`` ``(b, n, c)``."""
        x = self.norm1(x + self.dropout(self.self_attn(x, x, x, causal=True)))
        x = self.norm2(x + self.dropout(self.cross_attn(x, memory, memory)))
        out: Tensor = self.norm3(x + self.dropout(self.ffn(x)))
        return out


class TemporalContext(nn.Module):
    """Attention among the queries of all frames, added to them: the MeViSv2 paper's "+TC", whose form is our choice.

    The paper has one sentence about it: an attention module at the head that gathers global temporal context. At first
    it adds zeros, so that a network for images can be trained on.
    """

    def __init__(self, width: int, heads: int, feedforward: int) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(width, heads, feedforward, DROPOUT, batch_first=True)
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, tokens: Tensor, times: Tensor) -> Tensor:
        """Update the tokens of a video ``(t, q, c)``; ``times`` ``(t, c)`` encode the frames."""
        gathered = self.layer((tokens + times[:, None]).flatten(0, 1)[None])[0]
        out: Tensor = tokens + self.out(gathered).view_as(tokens)
        return out


def coordinates(height: int, width: int, device: torch.device) -> Tensor:
    """Columns three times, then rows three times, from -1 to 1: ``(1, 6, height, width)``."""
    columns = torch.linspace(-1, 1, width, device=device).expand(height, width)
    rows = torch.linspace(-1, 1, height, device=device)[:, None].expand(height, width)
    return torch.stack((columns,) * 3 + (rows,) * 3)[None]
