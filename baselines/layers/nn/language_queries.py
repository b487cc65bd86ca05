"""Networks in which queries built from a sentence detect its object in every frame.

Wu et al., "Language as Queries for Referring Video Object Segmentation", CVPR 2022, section 3. `LanguageDetector` has
what all methods share, `LanguageQueries` adds the pixel decoder of ReferFormer, MUTR and OnlineRefer. Encoding does not
depend on the sentence and runs once per clip, the rest once per sentence. Axes: f consecutive frames, t all frames of
a clip, q queries, c channels, h rows, w columns, s words, n decoder layers, L levels (strides 8 to 64).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from baselines.layers.nn.clip_backbones import Backbone, ClipBackbone
from baselines.layers.nn.cross_modal_fpn import CrossModalFpn, Level, Pieces, Words
from baselines.layers.nn.deformable_transformer import (
    DeformableDecoderLayer,
    DeformableTransformer,
    EncodedLevels,
    LevelProjections,
    level_paddings,
)
from baselines.layers.nn.dynamic_mask_head import DynamicHead
from baselines.layers.nn.masked_attention import MultiHeadAttention
from baselines.layers.nn.mlp import Mlp
from baselines.layers.nn.position_encoding import sine_encoding, sine_grid
from baselines.layers.nn.prepared_maps import ClipInput
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
        classes: Classes of a query; 1: "referred to".
        dropout: In encoder, decoder and pixel decoder, in training.
        text: RoBERTa of the text branch.
    """

    channels: int = 256
    heads: int = 8
    depth: int = 4
    feedforward: int = 2048
    queries: int = 5
    classes: int = 1
    dropout: float = 0.1
    text: TextEncoderConfig = TextEncoderConfig()  # noqa: RUF009 - frozen


LANGUAGE_QUERIES_SIZES: Mapping[str, LanguageQueriesConfig] = {
    "base": LanguageQueriesConfig(),
    "mini": LanguageQueriesConfig(channels=64, heads=4, depth=2, feedforward=128, dropout=0.0, text=MINI_TEXT_ENCODER),
}
"""Sizes by name; ``mini`` trains on a CPU and has no published weights."""


@dataclass(frozen=True, slots=True)
class ClipLevels:
    """Output of the backbone for a clip, independent of the sentence.

    Attributes:
        size: Rows and columns of the frames in pixels, without padding.
        levels: Projected maps of strides 8, 16, 32 and 64.
        kept: What the method keeps of the backbone's maps, pieces ``(f, c, h, w)`` per entry.
        padding: bool ``(1, H, W)``, ``True`` on padding; ``None``: no padding.
    """

    size: tuple[int, int]
    levels: list[Level]
    kept: list[Pieces]
    padding: Tensor | None


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
class EncodedClip:
    """Encoder output for a sentence.

    Attributes:
        pieces: Memory of the decoder, for the frames of one piece after another.
        levels: Encoded maps of strides 8, 16 and 32.
    """

    pieces: list[EncodedLevels]
    levels: list[Level]


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
        logits: Logits of being the referred object, ``(t, q)``, or of k classes of it, ``(t, q, k)``.
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


class LanguageDetector(nn.Module):
    """Backbone, fusion, deformable transformer, heads, and the controller of the masks.

    Args:
        backbone: A name of ``clip_backbones.BACKBONES``, or the backbone itself.
        config: Sizes.
        head: Convolutions that the controller predicts.
    """

    def __init__(self, backbone: str | Backbone, config: LanguageQueriesConfig, head: DynamicHead) -> None:
        super().__init__()
        self.config, self.head = config, head
        c, heads = config.channels, config.heads
        self.backbone = ClipBackbone(backbone) if isinstance(backbone, str) else backbone
        self.input_proj = LevelProjections(self.backbone.channels[1:], c, levels=4)
        self.fusion_module = EarlyFusion(c, heads)
        layer = partial(DeformableDecoderLayer, dropout=config.dropout)
        self.transformer = DeformableTransformer(
            config.depth, c, config.feedforward, levels=4, heads=heads, decoder_layer=layer, dropout=config.dropout
        )
        self.query_embed = nn.Embedding(config.queries, c)
        class_heads = [nn.Linear(c, config.classes) for _ in range(config.depth)]
        self.class_embed = nn.ModuleList(class_heads)
        for class_head in class_heads:
            nn.init.constant_(class_head.bias, -4.595)  # focal loss starts from a probability of 0.01
        self.controller = Mlp(c, c, c, head.parameter_count)

    def encode_levels(
        self, frames: ClipInput, size: tuple[int, int] | None, keep: Callable[[Sequence[Tensor]], Sequence[Tensor]]
    ) -> ClipLevels:
        """Run the backbone on a clip, once for all sentences.

        Args:
            frames: Normalized RGB, ``(t, 3, H, W)``; any size of at least 32 x 32.
            size: Rows and columns that are image; the remainder is padding. ``None``: no padding.
            keep: Makes what is kept of the backbone's four maps of some frames.
        """
        height, width = frames.shape[-2:]
        padding = None
        if size is not None and size != (height, width):
            padding = torch.ones(1, height, width, dtype=torch.bool, device=frames.device)
            padding[:, : size[0], : size[1]] = False
        step = max(
            1, MAX_HIDDEN_VALUES // (self.config.feedforward * -(-height // MASK_STRIDE) * -(-width // MASK_STRIDE))
        )
        parts = [(self.input_proj(maps[1:]), keep(maps)) for maps in self.backbone(frames, step)]
        projected, kept = (list(zip(*pieces, strict=True)) for pieces in zip(*parts, strict=True))
        levels = [as_level(list(pieces), padding) for pieces in projected]
        return ClipLevels(size or (height, width), levels, [list(pieces) for pieces in kept], padding)

    def fuse(self, level: Level, words: Words) -> Level:
        """Multiply every cell by the attended word features."""
        return replace(level, maps=[x * self.fusion_module(x, words) for x in level.maps])

    def start(self, content: Tensor) -> QueryStart:
        """Return the learned queries with the given content, ``(c,)`` for all of them or ``(q, c)``."""
        position = self.query_embed.weight
        points = self.transformer.reference_points(position).sigmoid()
        return QueryStart(content.expand(len(position), -1), position, points)

    def encode_fused(self, fused: Sequence[Level]) -> EncodedClip:
        """Encode maps of strides 8 to 64 after the fusion with the words, frame by frame."""
        pieces = []
        memory: list[Pieces] = [[] for _ in range(3)]
        for maps in zip(*(level.maps for level in fused), strict=True):
            frames = len(maps[0])
            encoded = self.transformer.encode(
                maps,
                [level.position for level in fused],
                [_padding_or_zeros(level, x).expand(frames, -1, -1) for level, x in zip(fused, maps, strict=True)],
            )
            pieces.append(encoded)
            for parts, x in zip(memory, encoded.maps()[:3], strict=True):
                parts.append(x)
        levels = [replace(level, maps=parts) for level, parts in zip(fused[:3], memory, strict=True)]
        return EncodedClip(pieces, levels)

    def decode(self, clip: EncodedClip, start: QueryStart) -> FoundQueries:
        """Decode the queries ``start`` in every frame."""
        states, boxes = [], []
        for encoded in clip.pieces:
            content, position, reference = (
                x.expand(len(encoded.memory), -1, -1) for x in (start.content, start.position, start.reference)
            )
            decoded = self.transformer.decoder(content, position, reference, encoded)
            states.append(decoded.states)
            boxes.append(decoded.boxes)
        return FoundQueries(torch.cat(states, dim=1), start.reference, torch.cat(boxes, dim=1), clip.levels)

    def find(self, fused: Sequence[Level], start: QueryStart) -> FoundQueries:
        """Encode ``fused`` as `encode_fused`, then decode the queries ``start``."""
        return self.decode(self.encode_fused(fused), start)

    def draw(self, features: Iterable[Tensor], size: tuple[int, int], states: Tensor, centers: Tensor) -> Tensor:
        """Apply the convolutions predicted from queries to mask features.

        Args:
            features: Mask features of the next frames, ``(f, c, h, w)``, one piece after another.
            size: Rows and columns of the frames in pixels, without padding.
            states: Query states, ``(t, q, c)``.
            centers: Origin of each query's relative coordinates, x and y in 0..1, ``(t, q, 2)``.

        Returns:
            ``(t, q, outputs, h, w)``.
        """
        parameters = self.controller(states)
        pixels = centers * centers.new_tensor([size[1], size[0]])
        drawn = []
        first = 0
        for piece in features:
            frames = slice(first, first + len(piece))
            drawn.append(self.head(piece, parameters[frames], pixels[frames]))
            first += len(piece)
        return torch.cat(drawn)


class LanguageQueries(LanguageDetector):
    """The detector with ReferFormer's pixel decoder.

    Args:
        backbone: A name of ``clip_backbones.BACKBONES``, or the backbone itself.
        config: Sizes; ``None``: the authors'.
    """

    def __init__(self, backbone: str | Backbone, config: LanguageQueriesConfig | None = None) -> None:
        config = config or LanguageQueriesConfig()
        c = config.channels
        super().__init__(backbone, config, DynamicHead(c, stride=MASK_STRIDE))
        self.pixel_decoder = CrossModalFpn(
            self.backbone.channels[0], c, config.heads, config.feedforward, config.dropout
        )

    def encode(self, frames: ClipInput, size: tuple[int, int] | None = None) -> ClipFeatures:
        """Encode a clip, once for all sentences; arguments as those of `encode_levels`."""
        adapter = self.pixel_decoder.get_submodule("adapter_1")
        clip = self.encode_levels(frames, size, lambda maps: [adapter(maps[0])])
        fine = as_level(clip.kept[0], clip.padding)
        return ClipFeatures(clip.size, clip.levels, self.pixel_decoder.fine_tokens(fine), fine.position)

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
        features = self.pixel_decoder(clip.fine, clip.fine_position, found.memory, words)
        return self.draw(features, clip.size, states, centers).squeeze(2)


def as_level(maps: Pieces, image_padding: Tensor | None) -> Level:
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
