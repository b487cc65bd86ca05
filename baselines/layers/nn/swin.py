"""Swin Transformer: window attention over images, from patches to a pyramid of four maps.

Liu et al., "Swin Transformer" (ICCV 2021), sections 3.1 and 3.2; weights of the authors' layout load by name. Axes:
b batch, h rows, w columns, c channels, n tokens of a window. Maps are channels-last inside, ``(b, h, w, c)``.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class SwinConfig:
    """Sizes of a Swin Transformer; the defaults are Swin-T. Stage i has ``channels * 2**i`` channels."""

    channels: int = 96
    depths: tuple[int, ...] = (2, 2, 6, 2)
    heads: tuple[int, ...] = (3, 6, 12, 24)
    window: int = 7
    patch: int = 4
    mlp_ratio: float = 4.0
    drop_path: float = 0.0

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each stage."""
        return tuple(self.channels * 2**stage for stage in range(len(self.depths)))


SWIN_T = SwinConfig()
SWIN_S = SwinConfig(depths=(2, 2, 18, 2))
SWIN_B = SwinConfig(channels=128, depths=(2, 2, 18, 2), heads=(4, 8, 16, 32))
SWIN_MINI = SwinConfig(channels=32, depths=(1, 1, 2, 1), heads=(1, 2, 4, 8))
"""Trains on a CPU; no published weights."""
SWIN_L = SwinConfig(channels=192, depths=(2, 2, 18, 2), heads=(6, 12, 24, 48))


class DropPath(nn.Module):
    """Stochastic depth: in training a sample's residual branch is dropped with the given probability."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Drop whole samples of ``x`` ``(b, ...)`` and scale up the rest; the identity outside training."""
        if not self.training or self.probability == 0.0:
            return x
        kept = x.new_empty(x.shape[0], *([1] * (x.dim() - 1))).bernoulli_(1 - self.probability)
        return x * kept / (1 - self.probability)


def relative_position_index(window: int) -> Tensor:
    """Row of the bias table for every (query, key) pair of a window, int64 ``(n, n)`` with ``n = window**2``."""
    y, x = torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
    y, x = y.flatten(), x.flatten()
    rows = y[:, None] - y[None, :] + window - 1
    columns = x[:, None] - x[None, :] + window - 1
    return rows * (2 * window - 1) + columns


def shift_mask(height: int, width: int, window: int, shift: int, like: Tensor) -> Tensor:
    """Attention mask between tokens that are adjacent only because of the cyclic shift.

    Args:
        height: Rows of the padded map, a multiple of ``window``.
        width: Columns of the padded map, a multiple of ``window``.
        window: Window size.
        shift: By how much the map is rolled, more than 0.
        like: Gives dtype and device.

    Returns:
        ``(windows, n, n)``: -100 between tokens of different regions, else 0.
    """
    cuts = (slice(0, -window), slice(-window, -shift), slice(-shift, None))
    region = like.new_zeros(1, height, width, 1)
    for row, rows in enumerate(cuts):
        for column, columns in enumerate(cuts):
            region[:, rows, columns] = 3 * row + column
    region = split_windows(region, window).squeeze(-1)
    return (region[:, None, :] != region[:, :, None]).to(like.dtype) * -100.0


def split_windows(x: Tensor, window: int) -> Tensor:
    """Cut ``(b, h, w, c)`` into ``(b * windows, n, c)``, windows row by row."""
    batch, height, width, channels = x.shape
    x = x.view(batch, height // window, window, width // window, window, channels)
    return x.transpose(2, 3).reshape(-1, window * window, channels)


def join_windows(windows: Tensor, window: int, height: int, width: int) -> Tensor:
    """Undo ``split_windows``: ``(b * windows, n, c)`` to ``(b, height, width, c)``."""
    channels = windows.shape[-1]
    x = windows.view(-1, height // window, width // window, window, window, channels)
    return x.transpose(2, 3).reshape(-1, height, width, channels)


class WindowAttention(nn.Module):
    """Multi-head self-attention inside windows, with a learned bias per relative position."""

    relative_position_index: Tensor

    def __init__(self, channels: int, window: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        self.register_buffer("relative_position_index", relative_position_index(window))
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, windows: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend inside each of ``(b * windows, n, c)``; ``mask`` ``(windows, n, n)`` is added to the logits."""
        count, tokens, channels = windows.shape
        q, k, v = self.qkv(windows).view(count, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        bias = self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)[None]
        if mask is not None:
            bias = (bias + mask[:, None]).repeat(count // len(mask), 1, 1, 1)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        result: Tensor = self.proj(out.transpose(1, 2).reshape(count, tokens, channels))
        return result


class Mlp(nn.Module):
    """Two linear layers with GELU between; keys ``fc1`` and ``fc2``."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., c)`` to ``(..., c)``."""
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class SwinBlock(nn.Module):
    """Window attention, then an MLP, each on the normalized input and added to it (pre-norm)."""

    def __init__(self, channels: int, window: int, heads: int, shift: int, mlp_ratio: float, drop_path: float) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1 = nn.LayerNorm(channels)
        self.attn = WindowAttention(channels, window, heads)
        self.drop_path = DropPath(drop_path)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = Mlp(channels, int(channels * mlp_ratio))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Refine ``(b, h, w, c)``. ``mask``: of ``shift_mask`` for the padded map, used by shifted blocks only."""
        _, height, width, _ = x.shape
        window, shift = self.window, self.shift
        # Padded after the norm: padding tokens are zeros, and they are not masked.
        padded = F.pad(self.norm1(x), (0, 0, 0, -width % window, 0, -height % window))
        _, padded_height, padded_width, _ = padded.shape
        if shift:
            padded = padded.roll((-shift, -shift), dims=(1, 2))
        attended = self.attn(split_windows(padded, window), mask if shift else None)
        attended = join_windows(attended, window, padded_height, padded_width)
        if shift:
            attended = attended.roll((shift, shift), dims=(1, 2))
        x = x + self.drop_path(attended[:, :height, :width])
        out: Tensor = x + self.drop_path(self.mlp(self.norm2(x)))
        return out


class PatchMerging(nn.Module):
    """Halve rows and columns: four neighbors become one token of twice the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(4 * channels, 2 * channels, bias=False)
        self.norm = nn.LayerNorm(4 * channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(b, h, w, c)`` to ``(b, ceil(h / 2), ceil(w / 2), 2 c)``; odd sizes are padded with zeros."""
        _, height, width, _ = x.shape
        x = F.pad(x, (0, 0, 0, width % 2, 0, height % 2))
        corners = (x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2])
        out: Tensor = self.reduction(self.norm(torch.cat(corners, dim=-1)))
        return out


class PatchEmbed(nn.Module):
    """Cut an image into patches and project each to a token."""

    def __init__(self, channels: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.proj = nn.Conv2d(3, channels, patch, patch)
        self.norm = nn.LayerNorm(channels)

    def forward(self, images: Tensor) -> Tensor:
        """Map ``(b, 3, h, w)`` to ``(b, ceil(h / patch), ceil(w / patch), c)``; zeros pad right and bottom."""
        height, width = images.shape[-2:]
        images = F.pad(images, (0, -width % self.patch, 0, -height % self.patch))
        out: Tensor = self.norm(self.proj(images).permute(0, 2, 3, 1))
        return out


def swin_blocks(config: SwinConfig, stage: int) -> nn.ModuleList:
    """Build the blocks of one stage; odd blocks are shifted, drop path grows over all blocks of the network."""
    first, blocks = sum(config.depths[:stage]), sum(config.depths)
    return nn.ModuleList(
        SwinBlock(
            config.widths[stage],
            config.window,
            config.heads[stage],
            config.window // 2 if block % 2 else 0,
            config.mlp_ratio,
            config.drop_path * (first + block) / max(1, blocks - 1),
        )
        for block in range(config.depths[stage])
    )


def run_blocks(blocks: nn.ModuleList, x: Tensor) -> Tensor:
    """Run the ``SwinBlock``s of one stage over ``(b, h, w, c)``; they share the shift mask."""
    _, height, width, _ = x.shape
    masks: dict[int, Tensor | None] = {0: None}
    for block in blocks:
        assert isinstance(block, SwinBlock)
        window, shift = block.window, block.shift
        if shift not in masks:
            masks[shift] = shift_mask(height + -height % window, width + -width % window, window, shift, x)
        x = block(x, masks[shift])
    return x


class SwinStage(nn.Module):
    """Blocks at one resolution and, except in the last stage, the merging that leads to the next."""

    def __init__(self, config: SwinConfig, stage: int) -> None:
        super().__init__()
        self.blocks = swin_blocks(config, stage)
        last = stage == len(config.depths) - 1
        self.downsample = None if last else PatchMerging(config.widths[stage])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the map of this stage ``(b, h, w, c)`` and the input of the next (the last stage: the same map)."""
        x = run_blocks(self.blocks, x)
        return x, x if self.downsample is None else self.downsample(x)


class Swin(nn.Module):
    """Swin Transformer backbone with a normalized output map per stage (keys ``norm0`` ...)."""

    def __init__(self, config: SwinConfig = SWIN_T) -> None:
        super().__init__()
        self.config = config
        self.patch_embed = PatchEmbed(config.channels, config.patch)
        self.layers = nn.ModuleList(SwinStage(config, stage) for stage in range(len(config.depths)))
        for stage, width in enumerate(config.widths):
            self.add_module(f"norm{stage}", nn.LayerNorm(width))
        self.apply(_reset_parameters)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the stages' maps of images ``(b, 3, h, w)``: ``(b, c * 2**i, ~h / (patch * 2**i), ...)`` each."""
        x = self.patch_embed(images)
        maps = []
        for stage, layer in enumerate(self.layers):
            out, x = layer(x)
            maps.append(self.get_submodule(f"norm{stage}")(out).permute(0, 3, 1, 2).contiguous())
        return maps


def _reset_parameters(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
