"""DsHmp's frame decoder: learned queries, told the static words first, look at one frame and at the words.

He & Ding, CVPR 2024, section 3.2. Axes: t frames, q queries, n words, c channels.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from baselines.dshmp.sentence import Sentence
from baselines.dshmp.word_fusion import WordFusion
from baselines.layers.nn.masked_attention import (
    CrossAttentionLayer,
    FeedForwardLayer,
    SelfAttentionLayer,
    attention_mask,
)
from baselines.layers.nn.mlp import Mlp
from baselines.layers.nn.pixel_decoder import PixelFeatures

STATIC_SHARE = 0.1
"""How much of what the static words say is added to the queries."""


class FrameDecoder(nn.Module):
    """Mask2Former's transformer decoder; in each layer the map is fused with the words and queries look at both."""

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
        self.fusion_layers = nn.ModuleList(WordFusion(channels) for _ in range(depth))
        self.cross_test = nn.ModuleList(CrossAttentionLayer(channels, heads) for _ in range(depth))
        self.cross_static = CrossAttentionLayer(channels, heads)
        self.decoder_norm = nn.LayerNorm(channels)
        self.query_feat = nn.Embedding(queries, channels)
        self.query_embed = nn.Embedding(queries, channels)
        self.level_embed = nn.Embedding(3, channels)
        self.class_embed = nn.Linear(channels, 2)
        self.mask_embed = Mlp(channels, channels, channels, channels)

    def forward(self, features: PixelFeatures, sentence: Sentence) -> tuple[Tensor, Tensor]:
        """Find the objects of each frame: queries ``(t, q, c)`` and class logits ``(t, q, 2)``."""
        *_, queries = self.layer_queries(features, sentence)
        return queries, self.class_embed(queries)

    def layer_queries(self, features: PixelFeatures, sentence: Sentence) -> Iterator[Tensor]:
        """Yield the normalized queries ``(t, q, c)`` of the start state and of every layer."""
        memory = features.memory(self.level_embed.weight)
        position = self.query_embed.weight
        learned = self.query_feat.weight[None]
        x = learned + STATIC_SHARE * self.cross_static(learned, sentence.static[None])
        x = x.expand(len(features.fine), -1, -1)
        layers = zip(
            self.fusion_layers,
            self.transformer_cross_attention_layers,
            self.cross_test,
            self.transformer_self_attention_layers,
            self.transformer_ffn_layers,
            strict=True,
        )
        for index, (fuse, cross, listen, attend, feed) in enumerate(layers):
            level = memory[index % len(memory)]
            queries = self.decoder_norm(x)
            yield queries
            masks = features.mask_logits(self.mask_embed(queries))
            blocked = attention_mask(masks, level.size)
            # Every layer fuses the map and the words as they came; what it made of them is not handed on.
            fused, words = fuse(level.tokens, sentence.tokens, sentence.padding)
            x = cross(x, fused, position=position, memory_position=level.place, blocked=blocked)
            x = listen(x, words, blocked=sentence.padding[:, None, None])
            x = feed(attend(x, position))
        yield self.decoder_norm(x)
