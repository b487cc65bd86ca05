"""Attention layers of Mask2Former's transformer decoder, each with residual and layer norm (post-norm).

Cheng et al., "Masked-attention Mask Transformer" (CVPR 2022), section 3.2; VITA and LMPM use the same layers. Key names
are those of ``torch.nn.MultiheadAttention``. Axes: b batch, q queries, s memory tokens, c channels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention with packed projections (``in_proj_weight`` rows: queries, keys, values).

    Same weights and results as ``torch.nn.MultiheadAttention``; masks broadcast over heads instead of being repeated.

    Args:
        channels: c.
        heads: Attention heads.
        dropout: Of the attention weights, in training.
    """

    def __init__(self, channels: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
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
        attn_mask: Tensor | None = None,
        key_padding_mask: Tensor | None = None,
    ) -> Tensor:
        """Attend; masks follow ``torch.nn.MultiheadAttention``.

        Args:
            query: ``(b, q, c)``.
            key: ``(b, s, c)``.
            value: ``(b, s, c)``.
            attn_mask: Broadcastable to ``(b, heads, q, s)``. Boolean: ``True`` excludes a key from a query. Float:
                added to the logits. A query without any allowed key has no defined result; see ``attention_mask``.
            key_padding_mask: Boolean ``(b, s)`` or ``(1, s)``, ``True`` on padding; together with a boolean
                ``attn_mask`` only.

        Returns:
            ``(b, q, c)``.
        """
        projections = zip((query, key, value), self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3), strict=True)
        q, k, v = (F.linear(x, w, b).unflatten(-1, (self.heads, -1)).transpose(1, 2) for x, w, b in projections)
        if key_padding_mask is not None:
            padding = key_padding_mask[:, None, None]
            attn_mask = padding if attn_mask is None else attn_mask | padding
        if attn_mask is not None and attn_mask.dtype == torch.bool:
            attn_mask = ~attn_mask  # scaled_dot_product_attention marks the allowed keys
        dropout = self.dropout if self.training else 0.0
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=attn_mask, dropout_p=dropout)
        projected: Tensor = self.out_proj(out.transpose(1, 2).flatten(-2))
        return projected


def with_pos_embed(x: Tensor, pos: Tensor | None) -> Tensor:
    """Add a positional encoding, if any."""
    return x if pos is None else x + pos


class SelfAttentionLayer(nn.Module):
    """Self-attention among queries: ``x <- LN(x + attention(x + query_pos, x + query_pos, x))``."""

    def __init__(self, channels: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.self_attn = MultiHeadAttention(channels, heads)
        self.norm = nn.LayerNorm(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, query_pos: Tensor | None = None, *, attn_mask: Tensor | None = None) -> Tensor:
        """Map queries ``(b, q, c)`` to ``(b, q, c)``; ``attn_mask`` as in ``MultiHeadAttention``."""
        query = with_pos_embed(x, query_pos)
        out: Tensor = self.norm(x + self.dropout(self.self_attn(query, query, x, attn_mask=attn_mask)))
        return out


class CrossAttentionLayer(nn.Module):
    """Attention of queries to a memory: ``x <- LN(x + attention(x + query_pos, memory + pos, memory))``."""

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
        query_pos: Tensor | None = None,
        pos: Tensor | None = None,
        attn_mask: Tensor | None = None,
        key_padding_mask: Tensor | None = None,
    ) -> Tensor:
        """Map queries ``(b, q, c)`` to ``(b, q, c)`` by attention to ``memory`` ``(b, s, c)``.

        Args:
            x: Queries.
            memory: Keys and values.
            query_pos: Positional encoding of the queries, broadcastable to theirs.
            pos: Positional encoding of the keys.
            attn_mask: As in ``MultiHeadAttention``.
            key_padding_mask: As in ``MultiHeadAttention``.
        """
        attended = self.multihead_attn(
            with_pos_embed(x, query_pos),
            with_pos_embed(memory, pos),
            memory,
            attn_mask=attn_mask,
            key_padding_mask=key_padding_mask,
        )
        out: Tensor = self.norm(x + self.dropout(attended))
        return out


class FeedForwardLayer(nn.Module):
    """Two linear layers with ReLU between them: ``x <- LN(x + linear2(relu(linear1(x))))``."""

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
        out: Tensor = self.norm(x + self.dropout(self.linear2(hidden)))
        return out


def attention_mask(mask_logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Attention mask of the next decoder layer from predicted masks (masked attention, Mask2Former's equation 3).

    Args:
        mask_logits: ``(b, q, h, w)``.
        size: Rows and columns of the map that is attended to.

    Returns:
        Boolean ``(b, 1, q, rows * columns)``, ``True`` where a query's mask is background. A query with an empty mask
        may attend everywhere.
    """
    resized = F.interpolate(mask_logits, size=size, mode="bilinear", align_corners=False)
    background = (resized.sigmoid() < 0.5).flatten(2)
    background = background & ~background.all(-1, keepdim=True)
    return background[:, None].detach()
