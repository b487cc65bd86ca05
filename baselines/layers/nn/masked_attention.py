"""Attention layers of Mask2Former's transformer decoder, each with its residual and norm (post-norm).

Cheng et al., "Masked-attention Mask Transformer" (CVPR 2022), section 3.2; also VITA's and LMPM's. Key names are those
of ``torch.nn.MultiheadAttention``. Axes: b batch, q queries, s memory cells, c channels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention with packed projections (``in_proj_weight`` rows: queries, keys, values).

    Same weights and results as ``torch.nn.MultiheadAttention``, but masks broadcast over heads instead of being
    repeated for them.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * channels, channels))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * channels))
        self.out_proj = nn.Linear(channels, channels)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.xavier_uniform_(self.out_proj.weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        blocked: Tensor | None = None,
        bias: Tensor | None = None,
    ) -> Tensor:
        """Attend.

        Args:
            query: ``(b, q, c)``.
            key: ``(b, s, c)``.
            value: ``(b, s, c)``.
            blocked: bool, broadcastable to ``(b, heads, q, s)``, ``True`` where a query must not look. A query that
                may look nowhere gives no defined result; see ``attention_mask``.
            bias: Added to the logits, broadcastable to ``(b, heads, q, s)``. Not together with ``blocked``.

        Returns:
            ``(b, q, c)``.
        """
        projections = zip((query, key, value), self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3), strict=True)
        q, k, v = (F.linear(x, w, b).unflatten(-1, (self.heads, -1)).transpose(1, 2) for x, w, b in projections)
        mask = bias if blocked is None else ~blocked
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out_proj(out.transpose(1, 2).flatten(-2))


def with_position(x: Tensor, position: Tensor | None) -> Tensor:
    """Add a position where there is one."""
    return x if position is None else x + position


class SelfAttentionLayer(nn.Module):
    """Queries look at each other: ``x <- LN(x + attention(x + pos, x + pos, x))``."""

    def __init__(self, channels: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.self_attn = MultiHeadAttention(channels, heads)
        self.norm = nn.LayerNorm(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, position: Tensor | None = None, *, blocked: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Map queries ``(b, q, c)`` to ``(b, q, c)``; masks as in ``MultiHeadAttention``."""
        placed = with_position(x, position)
        return self.norm(x + self.dropout(self.self_attn(placed, placed, x, blocked=blocked, bias=bias)))


class CrossAttentionLayer(nn.Module):
    """Queries look at a memory: ``x <- LN(x + attention(x + query_pos, memory + memory_pos, memory))``."""

    def __init__(self, channels: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.multihead_attn = MultiHeadAttention(channels, heads)
        self.norm = nn.LayerNorm(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        *,
        position: Tensor | None = None,
        memory_position: Tensor | None = None,
        blocked: Tensor | None = None,
    ) -> Tensor:
        """Map queries ``(b, q, c)`` to ``(b, q, c)``, looking at ``memory`` ``(b, s, c)``."""
        attended = self.multihead_attn(
            with_position(x, position), with_position(memory, memory_position), memory, blocked=blocked
        )
        return self.norm(x + self.dropout(attended))


class FeedForwardLayer(nn.Module):
    """Two linear layers with ReLU between: ``x <- LN(x + linear2(relu(linear1(x))))``."""

    def __init__(self, channels: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.linear1 = nn.Linear(channels, hidden)
        self.linear2 = nn.Linear(hidden, channels)
        self.norm = nn.LayerNorm(channels)
        self.dropout = nn.Dropout(dropout)
        for layer in (self.linear1, self.linear2):
            nn.init.xavier_uniform_(layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., c)`` to ``(..., c)``."""
        hidden = self.dropout(F.relu(self.linear1(x)))
        return self.norm(x + self.dropout(self.linear2(hidden)))


def attention_mask(mask_logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Turn a layer's masks into what its queries may look at next (masked attention, equation 3).

    Args:
        mask_logits: ``(b, q, h, w)``.
        size: Rows and columns of the map that is looked at.

    Returns:
        bool ``(b, 1, q, rows * columns)``, ``True`` = blocked: where a query's mask is background. A query whose mask
        is empty may look everywhere.
    """
    resized = F.interpolate(mask_logits, size=size, mode="bilinear", align_corners=False)
    blocked = (resized.sigmoid() < 0.5).flatten(2)
    blocked = blocked & ~blocked.all(-1, keepdim=True)
    return blocked[:, None].detach()
