"""LMPM's frame decoder: queries made of the sentence look at one frame (ICCV 2023, section 4, "language queries").

Axes: t frames, q queries, c channels, h rows, w columns.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from baselines.layers.nn.masked_attention import (
    CrossAttentionLayer,
    FeedForwardLayer,
    SelfAttentionLayer,
    attention_mask,
)
from baselines.layers.nn.mlp import Mlp
from baselines.layers.nn.pixel_decoder import PixelFeatures


class FrameDecoder(nn.Module):
    """Mask2Former's transformer decoder, its queries starting as the sentence feature."""

    def __init__(
        self, channels: int = 256, *, queries: int = 20, depth: int = 9, heads: int = 8, feedforward: int = 2048
    ) -> None:
        super().__init__()
        self.transformer_self_attention_layers = nn.ModuleList(
            SelfAttentionLayer(channels, heads) for _ in range(depth)
        )
        self.transformer_cross_attention_layers = nn.ModuleList(
            CrossAttentionLayer(channels, heads) for _ in range(depth)
        )
        self.transformer_ffn_layers = nn.ModuleList(FeedForwardLayer(channels, feedforward) for _ in range(depth))
        self.decoder_norm = nn.LayerNorm(channels)
        self.query_embed = nn.Embedding(queries, channels)
        self.level_embed = nn.Embedding(3, channels)
        self.class_embed = nn.Linear(channels, 2)
        self.mask_embed = Mlp(channels, channels, channels, channels)

    def forward(self, features: PixelFeatures, sentence: Tensor) -> tuple[Tensor, Tensor]:
        """Find the objects of each frame.

        Args:
            features: Of t frames.
            sentence: ``(1, c)``.

        Returns:
            Frame queries ``(t, q, c)`` and class logits ``(t, q, 2)``, the last class meaning "no object".
        """
        *_, queries = self.layer_queries(features, sentence)
        return queries, self.class_embed(queries)

    def layer_queries(self, features: PixelFeatures, sentence: Tensor) -> Iterator[Tensor]:
        """Yield the normalized queries ``(t, q, c)`` of the start state and of every layer."""
        memory = features.memory(self.level_embed.weight)
        position = self.query_embed.weight
        x = sentence.expand(len(features.fine), len(position), -1)
        layers = zip(
            self.transformer_cross_attention_layers,
            self.transformer_self_attention_layers,
            self.transformer_ffn_layers,
            strict=True,
        )
        for index, (cross, attend, feed) in enumerate(layers):
            level = memory[index % len(memory)]
            queries = self.decoder_norm(x)
            yield queries
            masks = features.mask_logits(self.mask_embed(queries))
            blocked = attention_mask(masks, level.size)
            x = cross(x, level.tokens, position=position, memory_position=level.place, blocked=blocked)
            x = feed(attend(x, position))
        yield self.decoder_norm(x)
