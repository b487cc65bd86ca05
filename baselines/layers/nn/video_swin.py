"""Video Swin Transformer (Liu et al., CVPR 2022): windowed self-attention over space and time.

Axes: b clips, t frames, h rows, w columns, c channels, n tokens of a window, m windows. Attention runs inside windows
of 8 x 7 x 7 tokens (time, rows, columns); every other block moves the windows by half of that. A clip is one sequence:
features depend on how a video is cut into clips.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.layers.nn.swin import DropPath

WINDOW = (8, 7, 7)
SHIFT = (4, 3, 3)
HIDDEN_RATIO = 4
BLOCKED = -100.0
"""Added to the attention logit of two tokens that are adjacent only because the map was rolled."""

MAX_VALUES = 2**26
"""Upper bound of the attention logits or hidden units computed at a time: 256 MiB in float32."""

Size = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class VideoSwinSize:
    """Sizes of a Video Swin: channels of the first stage, blocks and heads of every stage, largest drop path."""

    dim: int
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    drop_path: float = 0.0


VIDEO_SWIN_T = VideoSwinSize(96, (2, 2, 6, 2), (3, 6, 12, 24))
VIDEO_SWIN_S = VideoSwinSize(96, (2, 2, 18, 2), (3, 6, 12, 24))
VIDEO_SWIN_B = VideoSwinSize(128, (2, 2, 18, 2), (4, 8, 16, 32))
VIDEO_SWIN_MINI = VideoSwinSize(32, (1, 1, 2, 1), (1, 2, 4, 8))
"""Trains on a CPU; no published weights."""


def relative_position_index(window: Size) -> Tensor:
    """Row of the bias table for every pair of tokens of a window.

    Returns:
        int64 ``(n, n)``, query first: ``(dt + 7) * 169 + (dh + 6) * 13 + (dw + 6)`` for the window 8 x 7 x 7.
    """
    axes = torch.meshgrid(*(torch.arange(side) for side in window), indexing="ij")
    places = torch.stack(axes).flatten(1)
    apart = places[:, :, None] - places[:, None, :]
    index = torch.zeros_like(apart[0])
    for distance, side in zip(apart, window, strict=True):
        index = index * (2 * side - 1) + distance + side - 1
    return index


def effective_window(size: Size) -> tuple[Size, Size]:
    """Window and shift for a map of ``size``: an axis no longer than the window is one window and is not shifted."""
    fits = [side <= window for side, window in zip(size, WINDOW, strict=True)]
    window = [side if fit else full for side, full, fit in zip(size, WINDOW, fits, strict=True)]
    shift = [0 if fit else half for half, fit in zip(SHIFT, fits, strict=True)]
    return (window[0], window[1], window[2]), (shift[0], shift[1], shift[2])


def partition(x: Tensor, window: Size) -> Tensor:
    """Cut ``(b, t, h, w, c)`` into windows ``(b * windows, n, c)``; every side is a multiple of the window's."""
    b, t, h, w, c = x.shape
    x = x.view(b, t // window[0], window[0], h // window[1], window[1], w // window[2], window[2], c)
    return x.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(-1, math.prod(window), c)


def unite(windows: Tensor, window: Size, shape: tuple[int, ...]) -> Tensor:
    """Undo `partition`: ``(b * windows, n, c)`` back to ``shape = (b, t, h, w, c)``."""
    b, t, h, w, c = shape
    x = windows.view(b, t // window[0], h // window[1], w // window[2], *window, c)
    return x.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(shape)


def shift_regions(padded: Size, window: Size, shift: Size, device: torch.device) -> Tensor:
    """Label the regions of a rolled map that were adjacent before: int64 ``(windows, n)``.

    Every axis is cut at ``-window`` and ``-shift``; an axis that is not shifted has no cut.
    """
    region = torch.zeros(padded, dtype=torch.int64, device=device)
    for axis, (side, extent, moved) in enumerate(zip(padded, window, shift, strict=True)):
        place = torch.arange(side, device=device)
        label = (place >= side - extent).long() + (place >= side - moved).long() if moved else torch.zeros_like(place)
        region = region * 3 + label.view([-1 if other == axis else 1 for other in range(3)])
    return partition(region[None, ..., None], window).squeeze(-1)


def _in_parts(function: Callable[[Tensor], Tensor], x: Tensor, numbers_per_row: int) -> Tensor:
    """Apply a row-wise function to ``x`` so that its hidden numbers stay under `MAX_VALUES`."""
    rows = max(1, MAX_VALUES // numbers_per_row)
    if x.shape[0] <= rows:
        return function(x)
    return torch.cat([function(part) for part in x.split(rows)])


class WindowAttention(nn.Module):
    """Self-attention inside windows, with a learned bias per head and relative position."""

    relative_position_index: Tensor

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        offsets = math.prod(2 * side - 1 for side in WINDOW)
        self.relative_position_bias_table = nn.Parameter(torch.zeros(offsets, heads))
        self.register_buffer("relative_position_index", relative_position_index(WINDOW))
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def bias(self, tokens: int) -> Tensor:
        """Bias ``(heads, n, n)`` of a window of ``tokens`` tokens.

        A window reduced in height or width uses the top-left corner of the full window's index, although its geometry
        differs: the published weights were trained this way.
        """
        index = self.relative_position_index[:tokens, :tokens].reshape(-1)
        return self.relative_position_bias_table[index].view(tokens, tokens, self.heads).permute(2, 0, 1)

    def forward(self, windows: Tensor, regions: Tensor | None) -> Tensor:
        """Attend in windows ``(m, n, c)``; ``regions (m, n)``: only tokens of one region see each other."""
        m, n, c = windows.shape
        q, k, v = self.qkv(windows).view(m, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        bias = self.bias(n)[None].to(q.dtype)
        if regions is not None:
            bias = bias + BLOCKED * (regions[:, None, :, None] != regions[:, None, None, :]).to(q.dtype)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.expand(m, -1, -1, -1))
        out: Tensor = self.proj(attended.transpose(1, 2).reshape(m, n, c))
        return out


class Mlp(nn.Module):
    """Linear, exact GELU, linear."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, HIDDEN_RATIO * dim)
        self.fc2 = nn.Linear(HIDDEN_RATIO * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., c)`` to ``(..., c)``."""
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class VideoSwinBlock(nn.Module):
    """One pre-norm block: attention in (shifted) windows, then a two-layer network."""

    def __init__(self, dim: int, heads: int, *, shifted: bool, drop_path: float = 0.0) -> None:
        super().__init__()
        self.shifted = shifted
        self.drop_path = DropPath(drop_path)
        self.norm1 = nn.LayerNorm(dim)
        self.attn = WindowAttention(dim, heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(b, t, h, w, c)`` to the same shape."""
        x = x + self.drop_path(self._attend(self.norm1(x)))
        tokens = x.flatten(0, 3)
        hidden = HIDDEN_RATIO * x.shape[-1]
        out: Tensor = x + self.drop_path(_in_parts(lambda part: self.mlp(self.norm2(part)), tokens, hidden).view_as(x))
        return out

    def _attend(self, x: Tensor) -> Tensor:
        b, t, h, w, _ = x.shape
        window, shift = effective_window((t, h, w))
        # Zeros are added after the norm and are attended to like any other token.
        pad_t, pad_h, pad_w = (-side % extent for side, extent in zip((t, h, w), window, strict=True))
        x = F.pad(x, (0, 0, 0, pad_w, 0, pad_h, 0, pad_t))
        regions = None
        if self.shifted and any(shift):
            x = torch.roll(x, [-moved for moved in shift], dims=(1, 2, 3))
            padded = (t + pad_t, h + pad_h, w + pad_w)
            regions = shift_regions(padded, window, shift, x.device).repeat(b, 1)
        windows = self._attend_windows(partition(x, window), regions)
        x = unite(windows, window, tuple(x.shape))
        if regions is not None:
            x = torch.roll(x, shift, dims=(1, 2, 3))
        return x[:, :t, :h, :w]

    def _attend_windows(self, windows: Tensor, regions: Tensor | None) -> Tensor:
        """Attend a few windows at a time: all logits of a long clip at once would not fit in memory."""
        m, n, _ = windows.shape
        step = max(1, MAX_VALUES // (self.attn.heads * n * n))
        parts = [
            self.attn(windows[first : first + step], None if regions is None else regions[first : first + step])
            for first in range(0, m, step)
        ]
        return torch.cat(parts)


class VideoSwinStage(nn.Module):
    """The blocks of one resolution, one per entry of ``drop_paths``."""

    def __init__(self, dim: int, heads: int, drop_paths: Sequence[float]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            [
                VideoSwinBlock(dim, heads, shifted=index % 2 == 1, drop_path=drop_path)
                for index, drop_path in enumerate(drop_paths)
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(b, t, h, w, c)`` to the same shape."""
        for block in self.blocks:
            x = block(x)
        return x


class PatchMerging(nn.Module):
    """Halve rows and columns, double the channels; time is unchanged."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * dim)
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(b, t, h, w, c)`` to ``(b, t, ceil(h / 2), ceil(w / 2), 2 c)``; odd sides are padded with zeros."""
        x = F.pad(x, (0, 0, 0, x.shape[3] % 2, 0, x.shape[2] % 2))
        corners = [x[:, :, row::2, column::2] for row, column in ((0, 0), (1, 0), (0, 1), (1, 1))]
        out: Tensor = self.reduction(self.norm(torch.cat(corners, dim=-1)))
        return out


class PatchEmbed(nn.Module):
    """Patches of 1 x 4 x 4 pixels to vectors."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv3d(3, dim, (1, 4, 4), (1, 4, 4))
        self.norm = nn.LayerNorm(dim)

    def forward(self, clip: Tensor) -> Tensor:
        """Map ``(b, t, 3, H, W)`` to ``(b, t, ceil(H / 4), ceil(W / 4), c)``."""
        clip = F.pad(clip, (0, -clip.shape[-1] % 4, 0, -clip.shape[-2] % 4))
        out: Tensor = self.norm(self.proj(clip.transpose(1, 2)).permute(0, 2, 3, 4, 1))
        return out


class VideoSwin(nn.Module):
    """The backbone without a classifier.

    Args:
        size: One of ``VIDEO_SWIN_T``, ``VIDEO_SWIN_S``, ``VIDEO_SWIN_B``.
        stages: How many stages are built, 1 to 4 (MTTR has 3).

    Attributes:
        channels: Channels of every stage's map.
    """

    def __init__(self, size: VideoSwinSize, stages: int = 4) -> None:
        super().__init__()
        self.channels = tuple(size.dim * 2**stage for stage in range(stages))
        self.patch_embed = PatchEmbed(size.dim)
        blocks = sum(size.depths)  # also of stages that are left out: drop path grows over all blocks
        rates = [size.drop_path * block / max(1, blocks - 1) for block in range(blocks)]
        firsts = [sum(size.depths[:stage]) for stage in range(stages)]
        self.layers = nn.ModuleList(
            VideoSwinStage(self.channels[stage], size.heads[stage], rates[first : first + size.depths[stage]])
            for stage, first in enumerate(firsts)
        )
        self.downsamples = nn.ModuleList([PatchMerging(dim) for dim in self.channels[:-1]])

    def forward(self, clip: Tensor) -> list[Tensor]:
        """Encode clips.

        Args:
            clip: Normalized RGB, ``(b, t, 3, H, W)``.

        Returns:
            Every stage's tokens before merging, without norm: ``(b, t, c, h, w)`` with
            strides 4, 8, 16, 32 (sides rounded up).
        """
        x = self.patch_embed(clip)
        maps = []
        for index, stage in enumerate(self.layers):
            if index > 0:
                x = self.downsamples[index - 1](x)
            x = stage(x)
            maps.append(x.permute(0, 1, 4, 2, 3))
        return maps
