"""Network shared by ReferFormer and MUTR: queries built from a sentence detect its object in every frame.

Wu et al., "Language as Queries for Referring Video Object Segmentation", CVPR 2022, section 3. `LanguageQueries.encode`
does not depend on the sentence and runs once per clip, the rest once per sentence. Axes: f consecutive frames, t all
frames of a clip, q queries, c channels, h rows, w columns, s words, n decoder layers, L levels (strides 8 to 64).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from baselines.layers.nn.clip_backbones import ClipBackbone
from baselines.layers.nn.cross_modal_fpn import CrossModalFpn, Level, Pieces, Words
from baselines.layers.nn.deformable_transformer import (
    DeformableDecoderLayer,
    DeformableTransformer,
    LevelProjections,
    level_paddings,
)
from baselines.layers.nn.dynamic_mask_head import dynamic_masks, parameter_count
from baselines.layers.nn.masked_attention import MultiHeadAttention
from baselines.layers.nn.mlp import Mlp
from baselines.layers.nn.position_encoding import sine_encoding, sine_grid
from baselines.layers.nn.text_encoder import MINI_TEXT_ENCODER, TextEncoderConfig

MASK_STRIDE = 4

MAX_HIDDEN_VALUES = 2**27
"""Upper bound of the values of the widest hidden layer: 512 MiB in float32."""


@dataclass(frozen=True, slots=True)
class LanguageQueriesConfig:
    """Sizes of the network; the defaults are the authors' (ReferFormer, MUTR).

    Attributes:
        channels: Width of everything after the backbone.
        heads: Attention heads.
        depth: Encoder layers, and decoder layers.
        feedforward: Hidden units of the feed-forward blocks.
        queries: Object queries.
        dropout: In encoder, decoder and pixel decoder, in training.
        text: RoBERTa of the text branch.
    """

    channels: int = 256
    heads: int = 8
    depth: int = 4
    feedforward: int = 2048
    queries: int = 5
    dropout: float = 0.1
    text: TextEncoderConfig = TextEncoderConfig()  # noqa: RUF009 - frozen


LANGUAGE_QUERIES_SIZES: Mapping[str, LanguageQueriesConfig] = {
    "base": LanguageQueriesConfig(),
    "mini": LanguageQueriesConfig(channels=64, heads=4, depth=2, feedforward=128, dropout=0.0, text=MINI_TEXT_ENCODER),
}
"""Sizes by name; ``mini`` trains on a CPU and has no published weights."""


@dataclass(frozen=True, slots=True)
class ClipFeatures:
    """Encoded clip, independent of the sentence.

    Attributes:
        size: Rows and columns of the frames in pixels, without padding.
        levels: Projected maps of strides 8, 16, 32 and 64.
        fine: Stride-4 tokens of the pixel decoder, pieces ``(f, h * w, c)``.
        fine_position: Position encoding of the tokens, ``(1, c, h, w)``.
    """

    size: tuple[int, int]
    levels: list[Level]
    fine: Pieces
    fine_position: Tensor


@dataclass(frozen=True, slots=True)
class QueryStart:
    """Queries before the first decoder layer, the same in all frames of a clip.

    Attributes:
        content: ``(q, c)``.
        position: ``(q, c)``, added to queries and keys.
        reference: Points ``(q, 2)`` or boxes ``(q, 4)``, in 0..1.
    """

    content: Tensor
    position: Tensor
    reference: Tensor


@dataclass(frozen=True, slots=True)
class FoundQueries:
    """Decoder output for a sentence.

    Attributes:
        states: Query states after every decoder layer, ``(n, t, q, c)``.
        first_reference: Reference before the first layer, the same in all frames: ``(q, 2)`` or ``(q, 4)``.
        boxes: Boxes after every decoder layer, ``cx, cy, w, h`` in 0..1, ``(n, t, q, 4)``.
        memory: Encoded maps of strides 8, 16 and 32.
    """

    states: Tensor
    first_reference: Tensor
    boxes: Tensor
    memory: list[Level]


@dataclass(frozen=True, slots=True)
class SegmentedClip:
    """Output for one sentence and one clip.

    Attributes:
        logits: Logits of being the referred object, ``(t, q)``.
        boxes: ``(t, q, 4)``, ``cx, cy, w, h`` in 0..1.
        masks: Mask logits ``(t, q, h, w)`` at stride 4.
        found: Decoder output.
    """

    logits: Tensor
    boxes: Tensor
    masks: Tensor
    found: FoundQueries


class EarlyFusion(nn.Module):
    """Attention of every cell of a map to the words (key ``multihead_attn``)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.multihead_attn = MultiHeadAttention(channels, heads)

    def forward(self, x: Tensor, words: Words) -> Tensor:
        """Map ``(f, c, h, w)`` to the word features attended to by each cell, same shape."""
        f, _, h, w = x.shape
        attended = words.attended_by(self.multihead_attn, x.permute(0, 2, 3, 1).flatten(0, 2))
        return attended.view(f, h, w, -1).permute(0, 3, 1, 2)


class LanguageQueries(nn.Module):
    """Backbone, fusion, deformable transformer, heads and pixel decoder.

    Args:
        backbone: A name of ``clip_backbones.BACKBONES``.
        config: Sizes; ``None``: the authors'.
    """

    def __init__(self, backbone: str, config: LanguageQueriesConfig | None = None) -> None:
        super().__init__()
        config = config or LanguageQueriesConfig()
        self.config = config
        c, heads = config.channels, config.heads
        self.backbone = ClipBackbone(backbone)
        self.input_proj = LevelProjections(self.backbone.channels[1:], c, levels=4)
        self.fusion_module = EarlyFusion(c, heads)
        layer = partial(DeformableDecoderLayer, dropout=config.dropout)
        self.transformer = DeformableTransformer(
            config.depth, c, config.feedforward, levels=4, heads=heads, decoder_layer=layer, dropout=config.dropout
        )
        self.query_embed = nn.Embedding(config.queries, c)
        class_heads = [nn.Linear(c, 1) for _ in range(config.depth)]
        self.class_embed = nn.ModuleList(class_heads)
        for head in class_heads:
            nn.init.constant_(head.bias, -4.595)  # focal loss starts from a probability of 0.01
        self.pixel_decoder = CrossModalFpn(self.backbone.channels[0], c, heads, config.feedforward, config.dropout)
        self.controller = Mlp(c, c, c, parameter_count(c))

    def encode(self, frames: Tensor, size: tuple[int, int] | None = None) -> ClipFeatures:
        """Encode a clip, once for all sentences.

        Args:
            frames: Normalized RGB, ``(t, 3, H, W)``; any size of at least 32 x 32.
            size: Rows and columns that are image; the remainder is padding. ``None``: no padding.
        """
        height, width = frames.shape[-2:]
        padding = None
        if size is not None and size != (height, width):
            padding = torch.ones(1, height, width, dtype=torch.bool, device=frames.device)
            padding[:, : size[0], : size[1]] = False
        step = max(
            1, MAX_HIDDEN_VALUES // (self.config.feedforward * -(-height // MASK_STRIDE) * -(-width // MASK_STRIDE))
        )
        levels: list[Pieces] = [[] for _ in range(5)]
        adapter = self.pixel_decoder.get_submodule("adapter_1")
        for maps in self.backbone(frames, step):
            projected = [adapter(maps[0]), *self.input_proj(maps[1:])]
            for pieces, x in zip(levels, projected, strict=True):
                pieces.append(x)
        fine, *coarse = [_level(pieces, padding) for pieces in levels]
        return ClipFeatures(size or (height, width), coarse, self.pixel_decoder.fine_tokens(fine), fine.position)

    def start(self, content: Tensor) -> QueryStart:
        """Return the learned queries with the given content, ``(c,)`` for all of them or ``(q, c)``."""
        position = self.query_embed.weight
        points = self.transformer.reference_points(position).sigmoid()
        return QueryStart(content.expand(len(position), -1), position, points)

    def find(self, fused: Sequence[Level], start: QueryStart) -> FoundQueries:
        """Decode queries in every frame.

        Args:
            fused: Maps of strides 8 to 64 after the fusion with the words.
            start: Queries to start from.
        """
        states, boxes = [], []
        memory: list[Pieces] = [[] for _ in range(3)]
        for maps in zip(*(level.maps for level in fused), strict=True):
            frames = len(maps[0])
            encoded = self.transformer.encode(
                maps,
                [level.position for level in fused],
                [_padding_or_zeros(level, x).expand(frames, -1, -1) for level, x in zip(fused, maps, strict=True)],
            )
            content, position, reference = (
                x.expand(frames, -1, -1) for x in (start.content, start.position, start.reference)
            )
            decoded = self.transformer.decoder(content, position, reference, encoded)
            states.append(decoded.states)
            boxes.append(decoded.boxes)
            for pieces, x in zip(memory, encoded.maps()[:3], strict=True):
                pieces.append(x)
        levels = [replace(level, maps=pieces) for level, pieces in zip(fused[:3], memory, strict=True)]
        return FoundQueries(torch.cat(states, dim=1), start.reference, torch.cat(boxes, dim=1), levels)

    def segment(self, clip: ClipFeatures, found: FoundQueries, words: Words, states: Tensor, centers: Tensor) -> Tensor:
        """Predict the masks of queries.

        Args:
            clip: The encoded clip.
            found: Output of `find` for the same sentence.
            words: The sentence.
            states: Query states, ``(t, q, c)``.
            centers: Origin of each query's relative coordinates, x and y in 0..1, ``(t, q, 2)``.

        Returns:
            Logits ``(t, q, h, w)`` at stride 4.
        """
        parameters = self.controller(states)
        pixels = centers * centers.new_tensor([clip.size[1], clip.size[0]])
        masks = []
        first = 0
        for features in self.pixel_decoder(clip.fine, clip.fine_position, found.memory, words):
            frames = slice(first, first + len(features))
            masks.append(dynamic_masks(features, parameters[frames], pixels[frames], MASK_STRIDE))
            first += len(features)
        return torch.cat(masks)


def _level(maps: Pieces, image_padding: Tensor | None) -> Level:
    """Add the padding at that stride and the position encoding (cell centers)."""
    if image_padding is None:
        position = sine_grid(maps[0].shape[-2:], maps[0].shape[1] // 2, centered=True, device=maps[0].device)
        return Level(maps, position)
    (padding,) = level_paddings(image_padding, maps[:1])
    return Level(maps, sine_encoding(padding, maps[0].shape[1] // 2, centered=True), padding)


def _padding_or_zeros(level: Level, like: Tensor) -> Tensor:
    """Padding of the level ``(1, h, w)``, all ``False`` without padding."""
    if level.padding is not None:
        return level.padding
    return torch.zeros(1, *like.shape[-2:], dtype=torch.bool, device=like.device)
