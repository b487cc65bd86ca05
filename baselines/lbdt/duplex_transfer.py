"""Language-bridged duplex transfer: image and difference features exchange information through the words.

Ding et al., LBDT, CVPR 2022, section 3.2. Everything is sequence first: ``(n, b, c)``, c channels of
``LbdtConfig``.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.nn.position_encoding import index_encoding
from baselines.lbdt.config import LbdtConfig


def word_positions(length: int, channels: int, device: torch.device) -> Tensor:
    """Interleaved sines and cosines of the word's index: ``(length, 1, channels)``."""
    return index_encoding(length, channels, device)[:, None]


def map_positions(height: int, width: int, channels: int, device: torch.device) -> Tensor:
    """First half of the channels by column, second half by row, not normalized: ``(height * width, 1, channels)``."""
    columns = index_encoding(width, channels // 2, device)[None].expand(height, -1, -1)
    rows = index_encoding(height, channels // 2, device)[:, None].expand(-1, width, -1)
    return torch.cat((columns, rows), 2).flatten(0, 1)[:, None]


class TransferLayer(nn.Module):
    """Attention of the words to the source, then of the target to the words."""

    def __init__(self, config: LbdtConfig) -> None:
        super().__init__()
        channels, heads = config.channels, config.heads
        self.self_attn_words = nn.MultiheadAttention(channels, heads)
        self.cross_attn_img = nn.MultiheadAttention(channels, heads)
        self.cross_attn_flo = nn.MultiheadAttention(channels, heads)
        self.linear1 = nn.Linear(channels, channels)
        self.linear2 = nn.Linear(channels, channels)
        self.norm_words_1 = nn.LayerNorm(channels)
        self.norm_words_2 = nn.LayerNorm(channels)
        self.norm_flo = nn.LayerNorm(channels)
        self.norm_flo2 = nn.LayerNorm(channels)

    def forward(self, source: Tensor, target: Tensor, words: Tensor, positions: Tensor, absent: Tensor) -> Tensor:
        """Update the target.

        Args:
            source: ``(n, b, c)``.
            target: ``(n, b, c)``.
            words: ``(l, b, c)``.
            positions: ``(n, 1, c)``.
            absent: bool ``(b, l)``, ``True`` on padding.

        Returns:
            ``(n, b, c)``.
        """
        query = words + word_positions(len(words), words.shape[2], words.device)
        attended, _ = self.self_attn_words(query, query, words, key_padding_mask=absent, need_weights=False)
        words = self.norm_words_1(words + attended)
        source = source + positions
        words = self.norm_words_2(words + self.cross_attn_img(words, source, source, need_weights=False)[0])
        query = target + positions
        attended, _ = self.cross_attn_flo(query, words, words, key_padding_mask=absent, need_weights=False)
        target = self.norm_flo(target + attended)
        out: Tensor = self.norm_flo2(target + self.linear2(F.relu(self.linear1(target))))
        return out


class DuplexTransfer(nn.Module):
    """Layers that serve both directions with the same weights, from the same two inputs."""

    def __init__(self, config: LbdtConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TransferLayer(config) for _ in range(config.depth))

    def forward(self, image: Tensor, flow: Tensor, words: Tensor, absent: Tensor) -> tuple[Tensor, Tensor]:
        """Exchange between two maps.

        Args:
            image: ``(b, c, h, w)``.
            flow: ``(b, c, h, w)``.
            words: ``(l, b, c)``; every layer starts from the same words.
            absent: bool ``(b, l)``.

        Returns:
            Both maps, updated.
        """
        channels, height, width = image.shape[1:]
        positions = map_positions(height, width, channels, image.device)
        image, flow = image.flatten(2).permute(2, 0, 1), flow.flatten(2).permute(2, 0, 1)
        for layer in self.layers:
            image, flow = (
                layer(flow, image, words, positions, absent),
                layer(image, flow, words, positions, absent),
            )
        return tuple(x.permute(1, 2, 0).unflatten(2, (height, width)) for x in (image, flow))
