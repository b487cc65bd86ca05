"""R2-VOS's pixel decoder: words and video update each other once, and the sentence is read back out of the video.

Li et al., "Robust Referring Video Object Segmentation with Cyclic Structural Consensus", ICCV 2023, section 3. Axes: f
consecutive frames of a clip, t all of them, n cells of all frames, c channels, h rows, w columns, s words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.layers.nn.cross_modal_fpn import Level, NormedConv, Pieces, Words
from baselines.layers.nn.detr_decoder import DecoderLayer
from baselines.layers.nn.masked_attention import MultiHeadAttention

FILTERS = 3
"""Filters made of the words."""
READER_DEPTH = 3
"""Layers that read the sentence out of the video."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Knowledge of a sentence before its object is detected.

    Attributes:
        coarse: Decoded maps of stride 32, pieces ``(f, c, h, w)``.
        pseudo: Sentence vector read back out of the video, ``(c,)``.
    """

    coarse: Pieces
    pseudo: Tensor


class DualBlock(nn.Module):
    """Self-attention over the clip, then attention of the cells to the words and of the words to the cells."""

    def __init__(self, channels: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.v2v_attn, self.l2v_attn, self.v2l_attn = (MultiHeadAttention(channels, heads, dropout) for _ in range(3))
        self.proj_l_q = nn.Linear(channels, channels)
        self.proj_v_kv = nn.Linear(channels, 2 * channels)
        self.linear1 = nn.Linear(channels, feedforward)
        self.linear2 = nn.Linear(feedforward, channels)
        self.linear_v2l_1 = nn.Linear(channels, feedforward)
        self.linear_v2l_2 = nn.Linear(feedforward, channels)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(channels) for _ in range(3))
        self.norm_v2l_1, self.norm_v2l_2 = (nn.LayerNorm(channels) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, position: Tensor, padding: Tensor | None, words: Words) -> tuple[Tensor, Tensor]:
        """Update the cells ``(n, c)`` of a clip and the words.

        Args:
            x: Cells of all frames.
            position: Their position encodings, ``(n, c)``.
            padding: bool ``(n,)``, ``True`` on padding; ``None``: no padding.
            words: The sentence.

        Returns:
            Cells ``(n, c)`` and words ``(s, c)``.
        """
        mask = None if padding is None else padding[None]
        query = (x + position)[None]
        x = self.norm1(x + self.dropout(self.v2v_attn(query, query, x[None], key_padding_mask=mask)[0]))
        from_words = words.attended_by(self.l2v_attn, x + position)
        keys, values = self.proj_v_kv(x).chunk(2, dim=-1)
        words_query = self.proj_l_q(words.features) + words.position
        from_cells = self.v2l_attn(words_query[None], (keys + position)[None], values[None], key_padding_mask=mask)[0]
        x = self.norm2(x + self.dropout(from_words))
        x = self.norm3(x + self.dropout(self.linear2(self.dropout(F.relu(self.linear1(x))))))
        w = self.norm_v2l_1(words.features + self.dropout(from_cells))
        w = self.norm_v2l_2(w + self.dropout(self.linear_v2l_2(self.dropout(F.relu(self.linear_v2l_1(w))))))
        return x, w


class TextReader(nn.Module):
    """Decoder layers on one query, and a norm after the last one; keys ``layers.<i>`` and ``norm``."""

    def __init__(self, channels: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(channels, heads, feedforward, dropout) for _ in range(READER_DEPTH))
        self.norm = nn.LayerNorm(channels)

    def forward(self, query: Tensor, memory: Tensor, padding: Tensor | None) -> Tensor:
        """Read ``query (1, c)`` out of ``memory (n, c)`` without its ``padding``, bool ``(n,)``: ``(c,)``."""
        x, mask = query[None], None if padding is None else padding[None]
        for layer in self.layers:
            x = layer(x, memory[None], key_padding_mask=mask)
        out: Tensor = self.norm(x)[0, 0]
        return out


class DualFpn(nn.Module):
    """The pixel decoder; its numbered keys count levels from fine (1) to coarse (4).

    Args:
        fine_channels: Channels of the backbone's stride-4 map.
        channels: Width of everything else.
        heads: Attention heads.
        feedforward: Hidden width.
        dropout: In training.
    """

    def __init__(self, fine_channels: int, channels: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        for number in range(1, 5):
            self.add_module(f"adapter_{number}", NormedConv(fine_channels if number == 1 else channels, channels, 1))
            self.add_module(f"layer_{number}", NormedConv(channels, channels, 3))
        self.cross_attn = DualBlock(channels, heads, feedforward, dropout)
        self.dyn_conv = NormedConv(channels, channels, 1)
        self.dyn_filter = nn.Linear(channels, channels)
        self.pool_conv = NormedConv(FILTERS * channels, channels, 1)
        self.text_decoder = TextReader(channels, heads, feedforward, dropout)
        self.text_query = nn.Embedding(1, channels)
        self.mask_features = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.kaiming_uniform_(self.mask_features.weight, a=1)
        assert self.mask_features.bias is not None
        nn.init.zeros_(self.mask_features.bias)

    def adapt(self, number: int, x: Tensor) -> Tensor:
        """Project a map of level ``number`` to the decoder's width."""
        out: Tensor = self.get_submodule(f"adapter_{number}")(x)
        return out

    def filters(self, words: Tensor) -> Tensor:
        """Make filters ``(3, c)`` of the updated words ``(s, c)``, of which each is a mean of a third."""
        pooled = F.adaptive_avg_pool1d(words.T[None], FILTERS)[0].T
        out: Tensor = self.dyn_filter(pooled)
        return out

    def read(self, level: Level, words: Words) -> Reading:
        """Decode the coarsest level and read the sentence back out of it.

        Args:
            level: Encoded maps of stride 32.
            words: The sentence.
        """
        adapted = [self.adapt(4, x) for x in level.maps]
        frames, size = sum(len(x) for x in adapted), level.position.shape[-2:]
        position = _cells(level.position.expand(frames, -1, -1, -1))
        padding = None if level.padding is None else level.padding.flatten().repeat(frames)
        cells, updated = self.cross_attn(torch.cat([_cells(x) for x in adapted]), position, padding, words)
        kernels = self.filters(updated)[..., None, None]
        fused = cells.view(frames, *size, -1).permute(0, 3, 1, 2)
        coarse = []
        for x in fused.split([len(x) for x in adapted]):
            z = F.relu(self.dyn_conv(x))
            filtered = torch.cat([z * kernel for kernel in kernels], dim=1)
            coarse.append(F.relu(self.get_submodule("layer_4")(x + F.relu(self.pool_conv(filtered)))))
        memory = torch.cat([_cells(x) for x in coarse]) + position
        return Reading(coarse, self.text_decoder(self.text_query.weight, memory, padding))

    def forward(self, coarse: Pieces, levels: Sequence[Level], fine: Pieces) -> Iterator[Tensor]:
        """Decode the finer levels.

        Args:
            coarse: Of `read`.
            levels: Encoded maps of strides 8 and 16.
            fine: Maps of stride 4, already through ``adapter_1``.

        Yields:
            Mask features of the next frames, ``(f, c, h, w)`` at stride 4.
        """
        for y, stride8, stride16, stride4 in zip(coarse, *(level.maps for level in levels), fine, strict=True):
            for number, x in ((3, self.adapt(3, stride16)), (2, self.adapt(2, stride8)), (1, stride4)):
                y = x + F.interpolate(y, size=x.shape[-2:], mode="nearest")
                y = F.relu(self.get_submodule(f"layer_{number}")(y))
            yield self.mask_features(y)


def _cells(x: Tensor) -> Tensor:
    """Flatten a map ``(f, c, h, w)`` to ``(f * h * w, c)``."""
    return x.permute(0, 2, 3, 1).flatten(0, 2)
