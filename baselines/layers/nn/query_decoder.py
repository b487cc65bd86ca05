"""Decoder of learned queries over a memory, with hooks for the text; LMPM, DsHmp and MUTR build on it.

Cheng et al., "Masked-attention Mask Transformer" (CVPR 2022), section 3.2: cross-attention, self-attention and
feed-forward per layer, post-norm. Axes: b batch, q queries, s memory tokens, n words, c channels.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor, nn

from baselines.layers.nn.masked_attention import CrossAttentionLayer, FeedForwardLayer, SelfAttentionLayer

SentenceT = TypeVar("SentenceT")


@dataclass(frozen=True, slots=True)
class QueryDecoderConfig:
    """Sizes of a query decoder; the defaults are those of LMPM's frame decoder.

    Attributes:
        channels: Width of queries and memory.
        queries: Number of queries.
        depth: Decoder layers.
        heads: Attention heads.
        feedforward: Hidden units of the feed-forward blocks.
        dropout: On the output of each block, 0..1.
    """

    channels: int = 256
    queries: int = 20
    depth: int = 9
    heads: int = 8
    feedforward: int = 2048
    dropout: float = 0.0


@dataclass(frozen=True, slots=True)
class DecoderMemory:
    """Keys and values of one decoder layer.

    Attributes:
        tokens: ``(b, s, c)``.
        words: Word features fused with the tokens, ``(b or 1, n, c)``; ``None``: the decoder does not attend to words.
    """

    tokens: Tensor
    words: Tensor | None = None


class QueryDecoder(nn.Module, ABC, Generic[SentenceT]):
    """Layers of a query decoder; subclasses own the memory and override the hooks."""

    def __init__(self, config: QueryDecoderConfig) -> None:
        super().__init__()
        c, heads, dropout = config.channels, config.heads, config.dropout
        depth = range(config.depth)
        self.transformer_self_attention_layers = nn.ModuleList(SelfAttentionLayer(c, heads, dropout) for _ in depth)
        self.transformer_cross_attention_layers = nn.ModuleList(CrossAttentionLayer(c, heads, dropout) for _ in depth)
        self.transformer_ffn_layers = nn.ModuleList(FeedForwardLayer(c, config.feedforward, dropout) for _ in depth)
        self.decoder_norm = nn.LayerNorm(c)
        self.query_embed = nn.Embedding(config.queries, c)

    @abstractmethod
    def start_queries(self, sentence: SentenceT) -> Tensor:
        """Hook: content of the queries before the first layer, ``(1, q, c)``."""

    def before_layer(self, index: int, memory: DecoderMemory, sentence: SentenceT) -> DecoderMemory:
        """Hook: memory of layer ``index``; by default unchanged."""
        return memory

    def attend_words(self, index: int, x: Tensor, memory: DecoderMemory, sentence: SentenceT) -> Tensor:
        """Hook: attention of the queries ``(b, q, c)`` to the words in layer ``index``; by default none."""
        return x

    def run_layer(
        self,
        index: int,
        x: Tensor,
        memory: DecoderMemory,
        sentence: SentenceT,
        *,
        pos: Tensor,
        attn_mask: Tensor | None = None,
    ) -> Tensor:
        """Run layer ``index`` on queries ``(b, q, c)``.

        Args:
            index: Layer, 0 .. depth - 1.
            x: Queries.
            memory: Result of ``before_layer``.
            sentence: Passed to the hooks.
            pos: Positional encoding of the memory tokens, broadcastable to ``(b, s, c)``.
            attn_mask: As in ``MultiHeadAttention``.
        """
        cross_attn = self.transformer_cross_attention_layers[index]
        self_attn = self.transformer_self_attention_layers[index]
        ffn = self.transformer_ffn_layers[index]
        query_pos = self.query_embed.weight
        x = cross_attn(x, memory.tokens, query_pos=query_pos, pos=pos, attn_mask=attn_mask)
        x = self.attend_words(index, x, memory, sentence)
        out: Tensor = ffn(self_attn(x, query_pos))
        return out
