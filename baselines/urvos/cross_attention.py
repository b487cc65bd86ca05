"""URVOS's cross-modal attention: every pair of a cell and a word looks at every other pair.

Seo et al., ECCV 2020; layer sizes as in the authors' public baseline. Axes: b frames, l words, h rows, w columns,
c channels of an input, e channels inside.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

COORDINATES = 8


def cell_coordinates(height: int, width: int, like: Tensor) -> Tensor:
    """Coordinates of cells, ``(1, 8, h, w)``: left, top, center x, center y, right, bottom in -1..1, 1 / w, 1 / h."""
    x = torch.arange(width, dtype=like.dtype, device=like.device) / width * 2 - 1
    y = torch.arange(height, dtype=like.dtype, device=like.device) / height * 2 - 1
    y, x = torch.meshgrid(y, x, indexing="ij")
    across, down = torch.full_like(x, 1 / width), torch.full_like(y, 1 / height)
    return torch.stack((x, y, x + across, y + down, x + 2 * across, y + 2 * down, across, down))[None]


def word_positions(length: int, width: int, like: Tensor) -> Tensor:
    """Sine positions of words (Vaswani et al., 2017, section 3.5): ``(length, width)``."""
    place = torch.arange(length, dtype=like.dtype, device=like.device)[:, None]
    wave = 10000 ** (torch.arange(0, width, 2, dtype=like.dtype, device=like.device) / width)
    return torch.stack(((place / wave).sin(), (place / wave).cos()), dim=-1).flatten(1)


class CellAttention(nn.Module):
    """Cells look at each other; what they gather is added to their own value. No scale, one head."""

    def __init__(self, channels: int, inside: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, inside, 3, padding=1)
        self.key = nn.Conv2d(channels, inside, 3, padding=1)
        self.value = nn.Conv2d(channels, inside, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(b, c, h, w)`` to ``(b, e, h, w)``."""
        query, key, value = (z.flatten(2).transpose(1, 2) for z in (self.query(x), self.key(x), self.value(x)))
        out = F.scaled_dot_product_attention(query, key, value, scale=1.0) + value
        result: Tensor = out.transpose(1, 2).unflatten(2, x.shape[-2:])
        return result


class WordAttention(nn.Module):
    """Words look at each other; what they gather is added to their own value. No scale, one head."""

    def __init__(self, channels: int, inside: int) -> None:
        super().__init__()
        self.query = nn.Linear(channels, inside)
        self.key = nn.Linear(channels, inside)
        self.value = nn.Linear(channels, inside)

    def forward(self, words: Tensor) -> Tensor:
        """Map ``(1, l, c)`` to ``(1, l, e)``."""
        value = self.value(words)
        out: Tensor = F.scaled_dot_product_attention(self.query(words), self.key(words), value, scale=1.0) + value
        return out


class PairConv(nn.Conv2d):
    """3x3 convolution over all pairs ``[cell ; word]``, computed without building the pairs.

    By linearity, cells are convolved once for all words, and a word, constant over the map, contributes the sum of the
    kernel's taps inside the map.
    """

    def __init__(self, cells: int, words: int, out: int) -> None:
        super().__init__(cells + words, out, 3, padding=1)
        self.cells = cells

    def forward(self, cells: Tensor, words: Tensor) -> Tensor:  # type: ignore[override]  # keeps Conv2d's parameters
        """Map cells ``(b, e, h, w)`` and words ``(1, l, e)`` to ``(b, l, out, h, w)``."""
        height, width = cells.shape[-2:]
        by_cell = F.conv2d(cells, self.weight[:, : self.cells], self.bias, padding=1)
        inside = F.unfold(cells.new_ones(1, 1, height, width), 3, padding=1)[0]  # taps, h * w
        taps = torch.einsum("oct,lc->lot", self.weight[:, self.cells :].flatten(2), words[0])
        by_word = (taps @ inside).unflatten(2, (height, width))
        out: Tensor = by_cell[:, None] + by_word[None]
        return out


class PairAttention(nn.Module):
    """Attention among all pairs of a cell and a word; averaged over the words."""

    def __init__(self, inside: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = PairConv(inside, inside, inside)
        self.key = PairConv(inside, inside, inside)
        self.value = PairConv(inside, inside, inside)
        self.residual = PairConv(inside, inside, inside)

    def forward(self, cells: Tensor, words: Tensor, padding: Tensor, *, scaled: bool, masked: bool) -> Tensor:
        """Fuse the sentence into each cell.

        Args:
            cells: ``(b, e, h, w)``.
            words: ``(1, l, e)``.
            padding: bool ``(1, l)``, ``True`` where a word is padding.
            scaled: Divide logits by the root of a head's width.
            masked: Exclude padding words. The authors' baseline does neither.

        Returns:
            ``(b, e, h, w)``.
        """
        height, width = cells.shape[-2:]
        used = ~padding[0] if masked and not padding.all() else torch.ones_like(padding[0])
        words = words[:, used]
        query, key, value = (self._pairs(layer(cells, words)) for layer in (self.query, self.key, self.value))
        scale = query.shape[-1] ** -0.5 if scaled else 1.0
        out = F.scaled_dot_product_attention(query, key, value, scale=scale)
        out = out.transpose(1, 2).flatten(2).unflatten(1, (-1, height * width)).mean(1)
        residual = self.residual(cells, words).mean(1)
        result: Tensor = out.transpose(1, 2).unflatten(2, (height, width)) + residual
        return result

    def _pairs(self, x: Tensor) -> Tensor:
        """``(b, l, e, h, w)`` to ``(b, heads, l * h * w, e / heads)``."""
        pairs = x.flatten(3).transpose(2, 3).flatten(1, 2)
        out: Tensor = pairs.unflatten(2, (self.heads, -1)).transpose(1, 2)
        return out


class CrossModalAttention(nn.Module):
    """Cells among themselves, words among themselves, then both together."""

    def __init__(self, visual: int, words: int, inside: int, heads: int) -> None:
        super().__init__()
        self.visual_sa = CellAttention(visual + COORDINATES, inside)
        self.word_sa = WordAttention(words, inside)
        self.pairs = PairAttention(inside, heads)

    def see(self, features: Tensor) -> Tensor:
        """Map frames ``(b, c, h, w)`` to cells ``(b, e, h, w)``, independent of the words."""
        place = cell_coordinates(features.shape[2], features.shape[3], features)
        out: Tensor = self.visual_sa(torch.cat((features, place.expand(len(features), -1, -1, -1)), dim=1))
        return out

    def read(self, words: Tensor) -> Tensor:
        """Map embedded words ``(1, l, c)`` to ``(1, l, e)``, independent of the frames."""
        out: Tensor = self.word_sa(words + word_positions(words.shape[1], words.shape[2], words))
        return out
