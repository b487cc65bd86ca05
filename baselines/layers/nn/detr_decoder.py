"""DETR's decoder layer, post-normed.

Carion et al., "End-to-End Object Detection with Transformers", ECCV 2020; key names are those of
``torch.nn.TransformerDecoderLayer``. Axes: f frames (the batch), q queries, n memory tokens, c channels.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from baselines.layers.nn.masked_attention import MultiHeadAttention, with_pos_embed


class DecoderLayer(nn.Module):
    """Self-attention, attention to the memory, feed-forward."""

    def __init__(self, channels: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = MultiHeadAttention(channels, heads, dropout)
        self.multihead_attn = MultiHeadAttention(channels, heads, dropout)
        self.dropout = nn.Dropout(dropout)
        self.linear1 = nn.Linear(channels, feedforward)
        self.linear2 = nn.Linear(feedforward, channels)
        self.norm1 = nn.LayerNorm(channels)
        self.norm2 = nn.LayerNorm(channels)
        self.norm3 = nn.LayerNorm(channels)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        *,
        query_pos: Tensor | None = None,
        pos: Tensor | None = None,
        key_padding_mask: Tensor | None = None,
    ) -> Tensor:
        """Refine queries ``(f, q, c)``.

        Args:
            x: Queries.
            memory: Keys and values, ``(f, n, c)``.
            query_pos: Position encoding of the queries, broadcastable to theirs.
            pos: Position encoding of the keys.
            key_padding_mask: bool ``(1, n)`` or ``(f, n)``, ``True`` on padding.
        """
        query = with_pos_embed(x, query_pos)
        x = self.norm1(x + self.dropout(self.self_attn(query, query, x)))
        attended = self.multihead_attn(
            with_pos_embed(x, query_pos), with_pos_embed(memory, pos), memory, key_padding_mask=key_padding_mask
        )
        x = self.norm2(x + self.dropout(attended))
        hidden = self.dropout(F.relu(self.linear1(x)))
        out: Tensor = self.norm3(x + self.dropout(self.linear2(hidden)))
        return out
