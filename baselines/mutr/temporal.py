"""MUTR's temporal modules: aggregation of the clip into the reference (MTA), interaction of queries over frames (MTI).

Yan et al., "Referred by Multi-Modality: A Unified Temporal Transformer for Video Object Segmentation", AAAI 2024.
Axes: t frames, q queries, c channels, s words, n cells of all frames of a level.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.layers.nn.clip_query_module import ClipDecoderConfig, ClipQueryDecoder
from baselines.layers.nn.cross_modal_fpn import Level, Words
from baselines.layers.nn.language_queries import LanguageQueriesConfig
from baselines.layers.nn.masked_attention import MultiHeadAttention


class GatherLayer(nn.Module):
    """The words attend to the cells of all frames of one level, then a feed-forward block; each post-normed."""

    def __init__(self, channels: int, heads: int, feedforward: int) -> None:
        super().__init__()
        self.multihead_attn = MultiHeadAttention(channels, heads)
        self.norm1 = nn.LayerNorm(channels)
        self.linear1 = nn.Linear(channels, feedforward)
        self.linear2 = nn.Linear(feedforward, channels)
        self.norm2 = nn.LayerNorm(channels)

    def forward(self, x: Tensor, position: Tensor, level: Level) -> Tensor:
        """Refine words ``(s, c)``, padding words included."""
        memory = torch.cat([piece.permute(0, 2, 3, 1).flatten(0, 2) for piece in level.maps])[None]
        key_padding_mask = None
        if level.padding is not None:
            frames = sum(len(piece) for piece in level.maps)
            key_padding_mask = level.padding.flatten().repeat(frames)[None]
        attended = self.multihead_attn((x + position)[None], memory, memory, key_padding_mask=key_padding_mask)[0]
        x = self.norm1(x + attended)
        out: Tensor = self.norm2(x + self.linear2(F.relu(self.linear1(x))))
        return out


class TemporalAggregation(nn.Module):
    """MTA: one layer, applied to the levels in turn, fine to coarse."""

    def __init__(self, channels: int, heads: int, feedforward: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([GatherLayer(channels, heads, feedforward)])

    def forward(self, words: Words, levels: Sequence[Level]) -> Tensor:
        """Attend from the reference to the clip.

        Args:
            words: The reference.
            levels: Projected maps before any fusion.

        Returns:
            ``(s, c)``; the first row represents the whole reference.
        """
        (layer,) = self.layers
        x = words.features
        for level in levels:
            x = layer(x, words.position, level)
        return x


def interaction_config(config: LanguageQueriesConfig) -> ClipDecoderConfig:
    """Sizes of MTI: windows of four frames, three encoder and three decoder layers, dropout 0.2, as the authors'."""
    return ClipDecoderConfig(
        channels=config.channels, queries=config.queries, depth=3, heads=config.heads, feedforward=config.feedforward,
        dropout=0.2, frame_queries=config.queries, window=4, encoder_depth=3,
    )  # fmt: skip


class TemporalInteraction(ClipQueryDecoder[None]):
    """MTI: windowed attention over all frames' queries, then clip queries that attend to them (VITA's clip module)."""

    def __init__(self, config: ClipDecoderConfig) -> None:
        super().__init__(config)
        self.query_feat = nn.Embedding(config.queries, config.channels)

    def start_queries(self, sentence: None) -> Tensor:
        """Learned content of the clip queries, ``(1, q, c)``."""
        content: Tensor = self.query_feat.weight[None]
        return content

    def forward(self, states: Tensor) -> Tensor:
        """Turn the frames' queries ``(t, q, c)`` of one decoder layer into the clip's queries ``(q, c)``.

        Windows are of four frames; the second layer shifts them by two, except in training, as in the original.
        """
        encoded = self.encode(states[None], None, shifting=not self.training)
        *_, queries = self.layer_queries(encoded, None)
        return queries[0]
