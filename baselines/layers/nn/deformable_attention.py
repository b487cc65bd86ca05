"""Multi-scale deformable attention in plain PyTorch: no compiled operator.

Zhu et al., "Deformable DETR" (ICLR 2021), section 4.1, equation 3. Axes: b batch, q queries, s memory cells of all
levels one after another (``s = Σ h_l * w_l``), m heads, d channels of a head, l levels, p points, c = m * d.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Size = tuple[int, int]
"""Rows and columns of one level."""


def deformable_attention(value: Tensor, sizes: Sequence[Size], locations: Tensor, weights: Tensor) -> Tensor:
    """Sum bilinear samples of every level, weighted.

    Args:
        value: ``(b, s, m, d)``.
        sizes: Rows and columns of each level, in the order in which ``value`` holds them.
        locations: ``(b, q, m, l, p, 2)``, x then y, 0..1 over a level; outside of it the value is zero.
        weights: ``(b, q, m, l, p)``.

    Returns:
        ``(b, q, c)``.
    """
    batch, _, heads, channels = value.shape
    queries, points = locations.shape[1], locations.shape[4]
    grid = (2 * locations - 1).permute(3, 0, 2, 1, 4, 5).flatten(1, 2)  # l, b*m, q, p, 2
    scale = weights.permute(3, 0, 2, 1, 4).reshape(len(sizes), batch * heads, 1, queries, points)
    out = value.new_zeros(batch * heads, channels, queries)
    levels = value.split([h * w for h, w in sizes], dim=1)
    for level, (height, width) in enumerate(sizes):
        image = levels[level].permute(0, 2, 3, 1).reshape(batch * heads, channels, height, width)
        sampled = F.grid_sample(image, grid[level], mode="bilinear", padding_mode="zeros", align_corners=False)
        out = out + (sampled * scale[level]).sum(-1)
    return out.view(batch, heads * channels, queries).transpose(1, 2)


def cell_centers(sizes: Sequence[Size], valid_ratios: Tensor) -> Tensor:
    """Reference points of an encoder: every cell looks around its own center, on every level.

    Args:
        sizes: Rows and columns of each level.
        valid_ratios: ``(b, l, 2)``: share of valid columns and rows (x, y) of each level; ones without padding.

    Returns:
        ``(b, s, l, 2)``, x then y, 0..1 over a level with its padding.
    """
    centers = []
    for level, (height, width) in enumerate(sizes):
        y = torch.linspace(0.5, height - 0.5, height, device=valid_ratios.device)
        x = torch.linspace(0.5, width - 0.5, width, device=valid_ratios.device)
        grid = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1).view(1, -1, 2)
        extent = valid_ratios[:, None, level] * grid.new_tensor([width, height])
        centers.append(grid / extent)
    return torch.cat(centers, dim=1)[:, :, None] * valid_ratios[:, None]


def valid_ratios(paddings: Sequence[Tensor]) -> Tensor:
    """Share of valid columns and rows, ``(b, l, 2)``; one bool ``(b, h, w)`` mask a level, ``True`` = padding."""
    ratios = [
        torch.stack(((~padding[:, 0, :]).float().mean(-1), (~padding[:, :, 0]).float().mean(-1)), dim=-1)
        for padding in paddings
    ]
    return torch.stack(ratios, dim=1)


class DeformableAttention(nn.Module):
    """Attention of every query to a few learned points around its reference, on every level."""

    def __init__(self, channels: int = 256, levels: int = 4, heads: int = 8, points: int = 4) -> None:
        super().__init__()
        self.levels, self.heads, self.points = levels, heads, points
        self.sampling_offsets = nn.Linear(channels, heads * levels * points * 2)
        self.attention_weights = nn.Linear(channels, heads * levels * points)
        self.value_proj = nn.Linear(channels, channels)
        self.output_proj = nn.Linear(channels, channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as Deformable DETR does: each head looks in its own direction, point k at distance k + 1 cells."""
        angle = torch.arange(self.heads, dtype=torch.float32) * (2 * math.pi / self.heads)
        direction = torch.stack((angle.cos(), angle.sin()), dim=-1)
        direction = direction / direction.abs().amax(-1, keepdim=True)
        distance = torch.arange(1, self.points + 1, dtype=torch.float32)
        offsets = direction[:, None, None] * distance[None, None, :, None].expand(1, self.levels, -1, 1)
        with torch.no_grad():
            self.sampling_offsets.bias.copy_(offsets.flatten())
        for layer in (self.sampling_offsets, self.attention_weights):
            nn.init.zeros_(layer.weight)
        for layer in (self.attention_weights, self.value_proj, self.output_proj):
            nn.init.zeros_(layer.bias)
        for layer in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(layer.weight)

    def forward(
        self,
        query: Tensor,
        reference: Tensor,
        memory: Tensor,
        sizes: Sequence[Size],
        padding: Tensor | None = None,
    ) -> Tensor:
        """Attend.

        Args:
            query: ``(b, q, c)``, positions already added.
            reference: ``(b, q, l, 2)`` points (x, y) or ``(b, q, l, 4)`` boxes (cx, cy, w, h), 0..1.
            memory: ``(b, s, c)``, without positions.
            sizes: Rows and columns of each level.
            padding: bool ``(b, s)``, ``True`` where a memory cell is padding and counts as zero.

        Returns:
            ``(b, q, c)``.
        """
        batch, queries, _ = query.shape
        value = self.value_proj(memory)
        if padding is not None:
            value = value.masked_fill(padding[..., None], 0.0)
        value = value.unflatten(-1, (self.heads, -1))
        offsets = self.sampling_offsets(query).view(batch, queries, self.heads, self.levels, self.points, 2)
        weights = self.attention_weights(query).view(batch, queries, self.heads, -1).softmax(-1)
        if reference.shape[-1] == 2:
            extent = torch.tensor([(w, h) for h, w in sizes], dtype=offsets.dtype, device=offsets.device)
            offsets = offsets / extent[:, None]
        else:
            offsets = offsets / self.points * reference[:, :, None, :, None, 2:] * 0.5
        locations = reference[:, :, None, :, None, :2] + offsets
        weights = weights.view(batch, queries, self.heads, self.levels, self.points)
        out: Tensor = self.output_proj(deformable_attention(value, sizes, locations, weights))
        return out


class DeformableEncoderLayer(nn.Module):
    """Deformable self-attention over all levels, then a feed-forward block; normalized after each (post-norm)."""

    def __init__(
        self,
        channels: int = 256,
        feedforward: int = 1024,
        levels: int = 4,
        heads: int = 8,
        points: int = 4,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.self_attn = DeformableAttention(channels, levels, heads, points)
        self.norm1 = nn.LayerNorm(channels)
        self.linear1 = nn.Linear(channels, feedforward)
        self.linear2 = nn.Linear(feedforward, channels)
        self.norm2 = nn.LayerNorm(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        memory: Tensor,
        position: Tensor,
        reference: Tensor,
        sizes: Sequence[Size],
        padding: Tensor | None = None,
    ) -> Tensor:
        """Refine ``memory`` ``(b, s, c)``; ``position`` is added to the queries only; the rest as in the attention."""
        attended = self.self_attn(memory + position, reference, memory, sizes, padding)
        memory = self.norm1(memory + self.dropout(attended))
        hidden = self.dropout(F.relu(self.linear1(memory)))
        out: Tensor = self.norm2(memory + self.dropout(self.linear2(hidden)))
        return out
