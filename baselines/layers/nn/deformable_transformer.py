"""Deformable DETR's transformer with iterative box refinement, single-stage.

Zhu et al., "Deformable DETR: Deformable Transformers for End-to-End Object Detection", ICLR 2021, section 4 and
appendix A.4; the layout of ReferFormer, MUTR, TransRMOT and TempRMOT. Axes: b batch, s memory cells of all levels
one after another, l levels, q queries, c channels. Boxes are (cx, cy, w, h), 0..1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.nn.deformable_attention import (
    DeformableAttention,
    DeformableEncoderLayer,
    cell_centers,
    valid_ratios,
)
from baselines.layers.nn.mlp import Mlp


def inverse_sigmoid(x: Tensor, epsilon: float = 1e-5) -> Tensor:
    """Logit of a value in 0..1, clamped to ``epsilon`` .. ``1 - epsilon``."""
    x = x.clamp(0, 1)
    return torch.log(x.clamp(min=epsilon) / (1 - x).clamp(min=epsilon))


class LevelProjections(nn.ModuleList):
    """Bring backbone maps to one width and add coarser levels: keys ``<level>.0`` convolution, ``<level>.1`` norm.

    Args:
        channels: Channels of the backbone maps, fine to coarse.
        width: Channels of every level.
        levels: Number of levels; each one beyond ``channels`` is a 3x3 convolution of stride 2. The first of them reads
            the raw coarsest backbone map, the next ones the level before.
    """

    def __init__(self, channels: Sequence[int], width: int = 256, levels: int = 4) -> None:
        inputs = [*channels, channels[-1], *[width] * levels]
        convolutions = [
            nn.Conv2d(inputs[level], width, 1)
            if level < len(channels)
            else nn.Conv2d(inputs[level], width, 3, stride=2, padding=1)
            for level in range(levels)
        ]
        for convolution in convolutions:
            nn.init.xavier_uniform_(convolution.weight)
            assert convolution.bias is not None
            nn.init.zeros_(convolution.bias)
        super().__init__(nn.Sequential(convolution, nn.GroupNorm(32, width)) for convolution in convolutions)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Project ``(n, channels[i], h_i, w_i)`` maps to ``levels`` maps ``(n, width, h_l, w_l)``."""
        projected: list[Tensor] = []
        for level, project in enumerate(self):
            if level < len(maps):
                projected.append(project(maps[level]))
            else:
                projected.append(project(maps[-1] if level == len(maps) else projected[-1]))
        return projected


def level_paddings(padding: Tensor, maps: Sequence[Tensor]) -> list[Tensor]:
    """Shrink a padding mask, bool ``(n, h, w)``, ``True`` = padding, to each map's rows and columns (nearest)."""
    return [F.interpolate(padding[:, None].float(), size=x.shape[-2:]).to(torch.bool)[:, 0] for x in maps]


@dataclass(frozen=True, slots=True)
class EncodedLevels:
    """Output of the encoder, memory of the decoder.

    Attributes:
        memory: ``(b, s, c)``.
        sizes: Rows and columns of each level; ``s`` is the sum of their products.
        padding: bool ``(b, s)``, ``True`` where a cell is padding.
        valid_ratios: ``(b, l, 2)``, share of valid columns and rows.
    """

    memory: Tensor
    sizes: list[tuple[int, int]]
    padding: Tensor
    valid_ratios: Tensor

    def __getitem__(self, item: slice) -> "EncodedLevels":
        return EncodedLevels(self.memory[item], self.sizes, self.padding[item], self.valid_ratios[item])

    def maps(self) -> list[Tensor]:
        """Return the memory as one ``(b, c, h, w)`` map per level."""
        levels = self.memory.split([height * width for height, width in self.sizes], dim=1)
        return [level.transpose(1, 2).unflatten(-1, size) for level, size in zip(levels, self.sizes, strict=True)]


@dataclass(frozen=True, slots=True)
class DecodedQueries:
    """Decoder states after each of its n layers.

    Attributes:
        states: ``(n, b, q, c)``.
        boxes: ``(n, b, q, 4)``, refined by each layer. No gradient runs from one layer's box to the box before it.
    """

    states: Tensor
    boxes: Tensor


class DeformableEncoder(nn.Module):
    """A stack of deformable self-attention layers without a final norm."""

    def __init__(
        self, depth: int, channels: int, feedforward: int, levels: int, heads: int = 8, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            DeformableEncoderLayer(channels, feedforward, levels, heads, dropout=dropout) for _ in range(depth)
        )

    def forward(
        self, memory: Tensor, position: Tensor, sizes: Sequence[tuple[int, int]], padding: Tensor, ratios: Tensor
    ) -> Tensor:
        """Refine ``memory`` ``(b, s, c)``."""
        reference = cell_centers(sizes, ratios)
        for layer in self.layers:
            memory = layer(memory, position, reference, sizes, padding)
        return memory


class DeformableDecoderLayer(nn.Module):
    """Self-attention among the queries, deformable attention to the memory, feed-forward; each post-normed."""

    def __init__(
        self, channels: int = 256, feedforward: int = 1024, levels: int = 4, heads: int = 8, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(channels, heads, dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.norm2 = nn.LayerNorm(channels)
        self.cross_attn = DeformableAttention(channels, levels, heads)
        self.norm1 = nn.LayerNorm(channels)
        self.linear1 = nn.Linear(channels, feedforward)
        self.linear2 = nn.Linear(feedforward, channels)
        self.norm3 = nn.LayerNorm(channels)

    def forward(self, content: Tensor, position: Tensor, reference: Tensor, encoded: EncodedLevels) -> Tensor:
        """Refine ``content`` ``(b, q, c)``.

        Args:
            content: Content of the queries.
            position: ``(b, q, c)``, added to queries and keys, never to values.
            reference: ``(b, q, l, 2)`` points or ``(b, q, l, 4)`` boxes on each level with its padding.
            encoded: The memory.
        """
        query = content + position
        attended, _ = self.self_attn(query, query, content, need_weights=False)
        content = self.norm2(content + self.dropout(attended))
        attended = self.cross_attn(content + position, reference, encoded.memory, encoded.sizes, encoded.padding)
        content = self.norm1(content + self.dropout(attended))
        hidden = self.dropout(F.relu(self.linear1(content)))
        out: Tensor = self.norm3(content + self.dropout(self.linear2(hidden)))
        return out


class DeformableDecoder(nn.Module):
    """Decoder layers, each followed by a box head that moves the reference of the next (iterative refinement).

    ``bbox_embed`` is also the detector's box head: a model that names it a second time shares the weights.
    """

    def __init__(self, layers: Sequence[nn.Module], channels: int = 256) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        heads = [Mlp(channels, channels, channels, 4) for _ in layers]
        self.bbox_embed = nn.ModuleList(heads)
        for head in heads:
            nn.init.zeros_(head.last.weight)
            nn.init.zeros_(head.last.bias)
        nn.init.constant_(heads[0].last.bias[2:], -2.0)  # first boxes are small: sigmoid(-2) = 0.12

    def forward(self, content: Tensor, position: Tensor, reference: Tensor, encoded: EncodedLevels) -> DecodedQueries:
        """Decode ``content`` ``(b, q, c)`` from points ``(b, q, 2)`` or boxes ``(b, q, 4)``, in 0..1."""
        states, boxes = [], []
        for layer, head in zip(self.layers, self.bbox_embed, strict=True):
            parts = reference.shape[-1]
            scale = encoded.valid_ratios.repeat(1, 1, parts // 2)
            content = layer(content, position, reference[:, :, None] * scale[:, None], encoded)
            delta = head(content)
            known = inverse_sigmoid(reference)
            box = (delta + F.pad(known, (0, 4 - parts))).sigmoid()
            states.append(content)
            boxes.append(box)
            reference = box.detach()
        return DecodedQueries(torch.stack(states), torch.stack(boxes))


class DeformableTransformer(nn.Module):
    """Encoder and decoder (called apart: ``encode``, then ``decoder``); the caller owns queries and class heads.

    Args:
        depth: Encoder layers and, as many, decoder layers.
        channels: Width of everything.
        feedforward: Hidden width of the feed-forward blocks.
        levels: Levels of the memory.
        heads: Attention heads.
        decoder_layer: Builds one decoder layer from channels, feedforward, levels and heads.
        dropout: Of the encoder, in training; that of the decoder is ``decoder_layer``'s.
    """

    def __init__(
        self,
        depth: int,
        channels: int = 256,
        feedforward: int = 1024,
        levels: int = 4,
        heads: int = 8,
        decoder_layer: Callable[[int, int, int, int], nn.Module] = DeformableDecoderLayer,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.level_embed = nn.Parameter(torch.randn(levels, channels))
        self.encoder = DeformableEncoder(depth, channels, feedforward, levels, heads, dropout)
        layers = [decoder_layer(channels, feedforward, levels, heads) for _ in range(depth)]
        for module in (self.encoder, *layers):
            _initialize(module)
        self.decoder = DeformableDecoder(layers, channels)
        self.reference_points = nn.Linear(channels, 2)
        nn.init.xavier_uniform_(self.reference_points.weight)
        nn.init.zeros_(self.reference_points.bias)

    def encode(self, maps: Sequence[Tensor], positions: Sequence[Tensor], paddings: Sequence[Tensor]) -> EncodedLevels:
        """Encode the levels of a batch of images.

        Args:
            maps: One ``(b, c, h, w)`` per level.
            positions: Their position encodings, same shapes (batch may be 1).
            paddings: bool ``(b, h, w)`` per level, ``True`` = padding.
        """
        sizes = [(x.shape[-2], x.shape[-1]) for x in maps]
        memory = torch.cat([x.flatten(2).transpose(1, 2) for x in maps], dim=1)
        position = torch.cat(
            [p.flatten(2).transpose(1, 2) + self.level_embed[level] for level, p in enumerate(positions)], dim=1
        )
        padding = torch.cat([p.flatten(1) for p in paddings], dim=1)
        ratios = valid_ratios(paddings)
        return EncodedLevels(self.encoder(memory, position, sizes, padding, ratios), sizes, padding, ratios)


def _initialize(module: nn.Module) -> None:
    """Xavier for every matrix, then the deformable attention's own start."""
    for parameter in module.parameters():
        if parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)
    for child in module.modules():
        if isinstance(child, DeformableAttention):
            child.reset_parameters()
