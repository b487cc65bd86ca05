"""MTTR's multimodal transformer: DETR's encoder over the tokens of a frame and all words, DETR's decoder on top.

Carion et al., "End-to-End Object Detection with Transformers", ECCV 2020. Axes: f frames (of every sentence), n tokens,
q queries, l decoder layers, c channels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.layers.nn.detr_decoder import DecoderLayer
from baselines.layers.nn.masked_attention import MultiHeadAttention
from baselines.layers.nn.text_encoder import FeatureResizer, TextEncoder
from baselines.mttr.config import MttrConfig


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each post-normed; positions enter queries and keys."""

    def __init__(self, config: MttrConfig) -> None:
        super().__init__()
        c = config.channels
        self.self_attn = MultiHeadAttention(c, config.heads, config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.linear1 = nn.Linear(c, config.feedforward)
        self.linear2 = nn.Linear(config.feedforward, c)
        self.norm1 = nn.LayerNorm(c)
        self.norm2 = nn.LayerNorm(c)

    def forward(self, x: Tensor, pos: Tensor, key_padding_mask: Tensor | None) -> Tensor:
        """Refine ``(f, n, c)``."""
        query = x + pos
        x = self.norm1(x + self.dropout(self.self_attn(query, query, x, key_padding_mask=key_padding_mask)))
        hidden = self.dropout(F.relu(self.linear1(x)))
        out: Tensor = self.norm2(x + self.dropout(self.linear2(hidden)))
        return out


class Encoder(nn.Module):
    """A stack of layers without a final norm."""

    def __init__(self, config: MttrConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.depth))

    def forward(self, x: Tensor, pos: Tensor, key_padding_mask: Tensor | None) -> Tensor:
        """Refine ``(f, n, c)``."""
        for layer in self.layers:
            x = layer(x, pos, key_padding_mask)
        return x


class Decoder(nn.Module):
    """A stack of layers; one norm follows each of them. Queries start from zero."""

    def __init__(self, config: MttrConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            DecoderLayer(config.channels, config.heads, config.feedforward, config.dropout) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.channels)

    def forward(self, query_pos: Tensor, memory: Tensor, pos: Tensor, key_padding_mask: Tensor | None) -> Tensor:
        """Decode ``query_pos (q, c)`` in every frame of ``memory (f, n, c)``: all layers' states, ``(l, f, q, c)``."""
        x = query_pos.new_zeros(len(memory), *query_pos.shape)
        states = []
        for layer in self.layers:
            x = layer(x, memory, query_pos=query_pos, pos=pos, key_padding_mask=key_padding_mask)
            states.append(self.norm(x))
        return torch.stack(states)


class MultimodalTransformer(nn.Module):
    """Text encoder, its projection, encoder and decoder.

    Args:
        text_encoder: Its pooler is not used.
        config: Sizes.
    """

    def __init__(self, text_encoder: TextEncoder, config: MttrConfig) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.txt_proj = FeatureResizer(text_encoder.config.hidden_size, config.channels)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def read(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Encode token ids ``(b, s)`` with attention mask ``(b, s)``: ``(b, s, c)``."""
        out: Tensor = self.txt_proj(self.text_encoder(ids, attention_mask=mask).last_hidden_state)
        return out

    def forward(
        self, x: Tensor, pos: Tensor, key_padding_mask: Tensor | None, query_pos: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Encode frames together with the words and decode the queries.

        Args:
            x: ``(f, n, c)``, visual tokens, then words.
            pos: Position encoding of the tokens, ``(1, n, c)``.
            key_padding_mask: bool ``(1, n)`` or ``(f, n)``, ``True`` on padding; ``None``: no padding.
            query_pos: Learned position encoding of the queries, ``(q, c)``.

        Returns:
            The memory ``(f, n, c)`` and the queries' states after every decoder layer, ``(l, f, q, c)``.
        """
        memory = self.encoder(x, pos, key_padding_mask)
        return memory, self.decoder(query_pos, memory, pos, key_padding_mask)
