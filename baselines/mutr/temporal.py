"""What MUTR adds to ReferFormer: the reference gathers from the whole clip (MTA), queries exchange over frames (MTI).

Yan et al., "Referred by Multi-Modality: A Unified Temporal Transformer for Video Object Segmentation", AAAI 2024.
Axes: t frames, q queries, c channels, s words, n cells of all frames of a level.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.layers.inference.clip_windows import ClipWindows
from baselines.layers.nn.cross_modal_fpn import Level, Words
from baselines.layers.nn.masked_attention import (
    CrossAttentionLayer,
    FeedForwardLayer,
    MultiHeadAttention,
    SelfAttentionLayer,
)

HEADS = 8
FEEDFORWARD = 2048
WINDOW = 4
"""Frames that queries of MTI's encoder see at a time."""
DEPTH = 3
"""Encoder layers and, as many, decoder layers of MTI."""
DROPOUT = 0.2


class GatherLayer(nn.Module):
    """The words attend to the cells of all frames of one level, then a feed-forward block; each post-normed."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.multihead_attn = MultiHeadAttention(channels, HEADS)
        self.norm1 = nn.LayerNorm(channels)
        self.linear1 = nn.Linear(channels, FEEDFORWARD)
        self.linear2 = nn.Linear(FEEDFORWARD, channels)
        self.norm2 = nn.LayerNorm(channels)

    def forward(self, x: Tensor, position: Tensor, level: Level) -> Tensor:
        """Refine words ``(s, c)``; padding words gather too, nobody reads them."""
        memory = torch.cat([piece.permute(0, 2, 3, 1).flatten(0, 2) for piece in level.maps])[None]
        blocked = None
        if level.padding is not None:
            frames = sum(len(piece) for piece in level.maps)
            blocked = level.padding.flatten().repeat(frames)[None, None, None]
        x = self.norm1(x + self.multihead_attn((x + position)[None], memory, memory, blocked=blocked)[0])
        return self.norm2(x + self.linear2(F.relu(self.linear1(x))))


class TemporalAggregation(nn.Module):
    """MTA: one layer, used for one level after the other, fine to coarse."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([GatherLayer(channels)])

    def forward(self, words: Words, levels: Sequence[Level]) -> Tensor:
        """Let the reference gather from the clip.

        Args:
            words: The reference.
            levels: Projected maps before any fusion.

        Returns:
            ``(s, c)``; the first row stands for the whole reference.
        """
        (layer,) = self.layers
        x = words.features
        for level in levels:
            x = layer(x, words.position, level)
        return x


class TemporalInteraction(nn.Module):
    """MTI: windowed attention over all frames' queries, then clip queries that gather from them."""

    def __init__(self, channels: int, queries: int) -> None:
        super().__init__()
        self.enc_self_attn = nn.ModuleList(SelfAttentionLayer(channels, HEADS, DROPOUT) for _ in range(DEPTH))
        self.enc_ffn = nn.ModuleList(FeedForwardLayer(channels, FEEDFORWARD, DROPOUT) for _ in range(DEPTH))
        self.transformer_self_attention_layers = nn.ModuleList(
            SelfAttentionLayer(channels, HEADS, DROPOUT) for _ in range(DEPTH)
        )
        self.transformer_cross_attention_layers = nn.ModuleList(
            CrossAttentionLayer(channels, HEADS, DROPOUT) for _ in range(DEPTH)
        )
        self.transformer_ffn_layers = nn.ModuleList(
            FeedForwardLayer(channels, FEEDFORWARD, DROPOUT) for _ in range(DEPTH)
        )
        self.decoder_norm = nn.LayerNorm(channels)
        self.fq_pos = nn.Embedding(queries, channels)
        self.query_feat = nn.Embedding(queries, channels)
        self.query_embed = nn.Embedding(queries, channels)

    def forward(self, states: Tensor) -> Tensor:
        """Turn the frames' queries ``(t, q, c)`` of one decoder layer into the clip's queries ``(q, c)``."""
        memory = self._exchange(states)
        place = self.fq_pos.weight.repeat(len(memory), 1)
        memory = memory.flatten(0, 1)[None]
        x, position = self.query_feat.weight[None], self.query_embed.weight
        layers = zip(
            self.transformer_cross_attention_layers,
            self.transformer_self_attention_layers,
            self.transformer_ffn_layers,
            strict=True,
        )
        for cross, attend, feed in layers:
            x = cross(x, memory, position=position, memory_position=place)
            x = feed(attend(x, position))
        return self.decoder_norm(x)[0]

    def _exchange(self, x: Tensor) -> Tensor:
        """Windows of four frames; the second layer moves them by two, but never in training (as in the original)."""
        frames, queries, _ = x.shape
        windows = ClipWindows(frames, WINDOW, queries, x)
        x = windows.pad(x)
        for index, (attend, feed) in enumerate(zip(self.enc_self_attn, self.enc_ffn, strict=True)):
            shifted = index % 2 == 1 and not self.training
            cut = windows.split(x, shifted=shifted)
            x = windows.join(feed(attend(cut, bias=windows.bias[shifted])), shifted=shifted)
        return x[:frames]
