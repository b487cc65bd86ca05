"""ReferFormer's pixel decoder: a feature pyramid with attention to the whole clip and to the words at every level.

Wu et al., "Language as Queries for Referring Video Object Segmentation", CVPR 2022, section 3.4 (cross-modal FPN).
Axes: f consecutive frames of a clip, t all of them, c channels, h rows, w columns, s words. A map of a whole clip
is a list of such pieces, so that wide hidden layers are computed for a few frames at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.layers.nn.masked_attention import MultiHeadAttention

Pieces = list[Tensor]


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one sentence.

    Attributes:
        features: ``(s, c)``.
        position: Position encoding of the words as keys, ``(s, c)``.
        padding: bool ``(s,)``, ``True`` on padding tokens; ``None``: no padding.
    """

    features: Tensor
    position: Tensor
    padding: Tensor | None = None

    def attended_by(self, attention: MultiHeadAttention, queries: Tensor) -> Tensor:
        """Attend from ``queries (n, c)`` to the words: ``(n, c)``."""
        memory = self.features[None]
        padding = None if self.padding is None else self.padding[None]
        attended: Tensor = attention(queries[None], memory + self.position[None], memory, key_padding_mask=padding)[0]
        return attended


@dataclass(frozen=True, slots=True)
class Level:
    """A map of the whole clip at one stride.

    Attributes:
        maps: Pieces ``(f, c, h, w)``.
        position: Position encoding, ``(1, c, h, w)``, the same for every frame.
        padding: bool ``(1, h, w)``, ``True`` on padding, the same for every frame; ``None``: no padding.
    """

    maps: Pieces
    position: Tensor
    padding: Tensor | None = None


class NormedConv(nn.Conv2d):
    """Convolution without bias, then group norm with 8 groups (key ``norm`` inside the convolution's own)."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__(in_channels, out_channels, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.GroupNorm(8, out_channels)
        nn.init.kaiming_uniform_(self.weight, a=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(f, in, h, w)`` to ``(f, out, h, w)``."""
        out: Tensor = self.norm(super().forward(x))
        return out


class CrossModalBlock(nn.Module):
    """Self-attention over the clip, attention to the words, feed-forward; each post-normed.

    Args:
        channels: Channels of the map.
        heads: Attention heads.
        feedforward: Hidden width.
        reduction: Self-attention runs on a grid that is coarser than the map by this factor.
        dropout: In training.
    """

    def __init__(self, channels: int, heads: int, feedforward: int, reduction: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.reduction = reduction
        self.self_attn = MultiHeadAttention(channels, heads, dropout)
        self.multihead_attn = MultiHeadAttention(channels, heads, dropout)
        self.dropout = nn.Dropout(dropout)
        self.linear1 = nn.Linear(channels, feedforward)
        self.linear2 = nn.Linear(feedforward, channels)
        self.norm1 = nn.LayerNorm(channels)
        self.norm2 = nn.LayerNorm(channels)
        self.norm3 = nn.LayerNorm(channels)

    def attend_clip(self, level: Level) -> Pieces:
        """Self-attention over all frames jointly, independent of the words.

        Returns:
            Tokens, pieces ``(f, h * w, c)``.
        """
        size = level.maps[0].shape[-2:]
        grid = tuple(side // self.reduction for side in size)
        value = torch.cat([_tokens(_nearest(x, grid)) for x in level.maps])
        query = (value + _tokens(_nearest(level.position, grid))).flatten(0, 1)[None]
        key_padding_mask = None
        if level.padding is not None:
            padding = _nearest(level.padding[:, None].float(), grid).to(torch.bool)
            key_padding_mask = padding.flatten().repeat(len(value))[None]
        memory = value.flatten(0, 1)[None]
        attended = self.self_attn(query, query, memory, key_padding_mask=key_padding_mask)[0].view_as(value)
        parts = attended.split([len(x) for x in level.maps])
        return [self._join(x, part, grid) for x, part in zip(level.maps, parts, strict=True)]

    def _join(self, x: Tensor, attended: Tensor, grid: tuple[int, ...]) -> Tensor:
        """Upsample the attended grid to the map's size and add it."""
        if self.reduction > 1:
            attended = attended.transpose(1, 2).unflatten(-1, grid)
            attended = _tokens(F.interpolate(attended, size=x.shape[-2:], mode="bilinear", align_corners=False))
        out: Tensor = self.norm1(_tokens(x) + self.dropout(attended))
        return out

    def attend_words(self, tokens: Tensor, position: Tensor, words: Words) -> Tensor:
        """Attention to the words and feed-forward for one piece ``(f, h * w, c)``; position ``(1, c, h, w)``."""
        queries = (tokens + _tokens(position)).flatten(0, 1)
        attended = words.attended_by(self.multihead_attn, queries).view_as(tokens)
        tokens = self.norm2(tokens + self.dropout(attended))
        hidden = self.dropout(F.relu(self.linear1(tokens)))
        out: Tensor = self.norm3(tokens + self.dropout(self.linear2(hidden)))
        return out


class CrossModalFpn(nn.Module):
    """The pixel decoder; its numbered keys count levels from fine (1) to coarse (4).

    Args:
        fine_channels: Channels of the backbone's stride-4 map.
        channels: Width of everything else.
        heads: Attention heads.
        feedforward: Hidden width of the blocks.
        dropout: Of the blocks, in training.
    """

    def __init__(
        self,
        fine_channels: int,
        channels: int = 256,
        heads: int = 8,
        feedforward: int = 2048,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        reductions = {1: 8, 2: 4, 3: 2, 4: 1}  # every grid for self-attention is that of stride 32
        for number, reduction in reductions.items():
            self.add_module(f"adapter_{number}", NormedConv(fine_channels if number == 1 else channels, channels, 1))
            self.add_module(f"cross_attn_{number}", CrossModalBlock(channels, heads, feedforward, reduction, dropout))
            self.add_module(f"layer_{number}", NormedConv(channels, channels, 3))
        self.mask_features = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.kaiming_uniform_(self.mask_features.weight, a=1)
        assert self.mask_features.bias is not None
        nn.init.zeros_(self.mask_features.bias)

    def fine_tokens(self, level: Level) -> Pieces:
        """Compute the part of the finest level that is independent of the sentence: pieces ``(f, h * w, c)``.

        Args:
            level: Stride 4, its maps already through ``adapter_1``.
        """
        return self._block(1).attend_clip(level)

    def forward(self, fine: Pieces, fine_position: Tensor, coarse: Sequence[Level], words: Words) -> Iterator[Tensor]:
        """Decode one sentence.

        Args:
            fine: Of ``fine_tokens``.
            fine_position: Position encoding of that level, ``(1, c, h, w)``.
            coarse: Encoded maps of strides 8, 16 and 32.
            words: The sentence.

        Yields:
            Mask features of the next frames, ``(f, c, h, w)`` at stride 4.
        """
        coarser: Sequence[Tensor | None] = [None] * len(fine)
        for number, level in zip((4, 3, 2), reversed(coarse), strict=True):
            adapter = self.get_submodule(f"adapter_{number}")
            tokens = self._block(number).attend_clip(
                Level([adapter(x) for x in level.maps], level.position, level.padding)
            )
            coarser = [
                self._merge(number, piece, level.position, below, words)
                for piece, below in zip(tokens, coarser, strict=True)
            ]
        for piece, below in zip(fine, coarser, strict=True):
            yield self.mask_features(self._merge(1, piece, fine_position, below, words))

    def _block(self, number: int) -> CrossModalBlock:
        block = self.get_submodule(f"cross_attn_{number}")
        assert isinstance(block, CrossModalBlock)
        return block

    def _merge(self, number: int, tokens: Tensor, position: Tensor, below: Tensor | None, words: Words) -> Tensor:
        """Finish one piece of a level: attention to the words, the coarser level, a convolution."""
        size = position.shape[-2:]
        tokens = self._block(number).attend_words(tokens, position, words)
        y = tokens.transpose(1, 2).unflatten(-1, size)
        if below is not None:
            y = y + _nearest(below, size)
        return F.relu(self.get_submodule(f"layer_{number}")(y))


def _tokens(x: Tensor) -> Tensor:
    """Flatten a map ``(f, c, h, w)`` to ``(f, h * w, c)``."""
    return x.flatten(2).transpose(1, 2)


def _nearest(x: Tensor, size: Sequence[int]) -> Tensor:
    return x if tuple(x.shape[-2:]) == tuple(size) else F.interpolate(x, size=tuple(size), mode="nearest")
