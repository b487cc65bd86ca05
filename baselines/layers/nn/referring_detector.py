"""TransRMOT's network within one frame: image and sentence in, a state and a box per query out.

Wu et al., "Referring Multi-Object Tracking", CVPR 2023, section 4; TempRMOT shares it. Without padding; the decoder
takes one frame and one sentence at a time, because every pair has its own tracks. Only the fusion mixes image and
sentence: ``see`` runs once per frame for all sentences, ``read`` once per sentence for all frames. Axes: t frames,
q queries, c channels, s memory cells.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from baselines.layers.nn.clip_backbones import Backbone, ClipBackbone
from baselines.layers.nn.deformable_transformer import (
    DecodedQueries,
    DeformableDecoderLayer,
    DeformableTransformer,
    EncodedLevels,
    LevelProjections,
)
from baselines.layers.nn.position_encoding import sine_grid
from baselines.layers.nn.prepared_maps import ClipInput
from baselines.layers.nn.text_encoder import (
    MINI_TEXT_ENCODER,
    FeatureResizer,
    TextEncoder,
    TextEncoderConfig,
    build_roberta,
)
from baselines.layers.nn.track_queries import NO_TRACK, Detections, TrackQueries

IGNORED_KEYS = ("text_encoder.embeddings.position_ids",)
"""Constant index table in files written by older versions of transformers."""


def has_track_attention(keys: Iterable[str]) -> bool:
    """Whether a file's keys include attention among the tracks (``--extra_track_attn``)."""
    return any(".update_attn." in key for key in keys)


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    """Sizes of the detector but for its backbone; the defaults are the authors'.

    Attributes:
        text: RoBERTa.
        channels: Width of everything after the encoders.
        heads: Attention heads.
        feedforward: Hidden units of the feed-forward blocks.
        depth: Encoder layers, and decoder layers.
        levels: Feature levels, strides 8 to 64.
        detect_queries: Learned queries that detect new objects in every frame; they precede the tracks.
    """

    text: TextEncoderConfig = TextEncoderConfig()  # noqa: RUF009 - frozen
    channels: int = 256
    heads: int = 8
    feedforward: int = 1024
    depth: int = 6
    levels: int = 4
    detect_queries: int = 300


SIZES: Mapping[str, DetectorConfig] = {
    "base": DetectorConfig(),
    "mini": DetectorConfig(text=MINI_TEXT_ENCODER, channels=64, heads=4, feedforward=128, depth=2, detect_queries=30),
}
"""Sizes by name; ``mini`` trains on a CPU and has no published weights."""


class TrackDecoderLayer(DeformableDecoderLayer):
    """Decoder layer in which tracks (the queries after the detect queries) first attend to each other."""

    def __init__(self, channels: int, feedforward: int, levels: int, heads: int, *, detect_queries: int) -> None:
        super().__init__(channels, feedforward, levels, heads)
        self.detect_queries = detect_queries
        self.update_attn = nn.MultiheadAttention(channels, heads, batch_first=True)
        self.norm4 = nn.LayerNorm(channels)

    def forward(self, content: Tensor, position: Tensor, reference: Tensor, encoded: EncodedLevels) -> Tensor:
        """Refine ``content`` ``(1, q, c)``."""
        fresh, tracks = content[:, : self.detect_queries], content[:, self.detect_queries :]
        if tracks.shape[1] > 0:
            query = tracks + position[:, self.detect_queries :]
            attended, _ = self.update_attn(query, query, tracks, need_weights=False)
            content = torch.cat((fresh, self.norm4(tracks + attended)), dim=1)
        return super().forward(content, position, reference, encoded)


class VisionLanguageFusion(nn.Module):
    """Attention of every cell to the words, added to the map."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.multihead_attn = nn.MultiheadAttention(channels, heads, batch_first=True)

    def forward(self, level: Tensor, words: "Words") -> Tensor:
        """Fuse one map of each frame ``(t, c, h, w)``; the size stays."""
        cells = level.flatten(2).transpose(1, 2)
        values = words.features.expand(len(level), -1, -1)
        attended, _ = self.multihead_attn(cells, values + words.positions, values, need_weights=False)
        out: Tensor = level + attended.transpose(1, 2).view_as(level)
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """A sentence as features ``(1, n, c)`` of its n tokens, begin and end included, and their positions alike."""

    features: Tensor
    positions: Tensor


class ReferringDetector(nn.Module):
    """ResNet-50, RoBERTa, fusion on four levels, deformable transformer with box refinement, class and refer heads.

    Args:
        config: Sizes; ``None``: the authors'.
        track_attention: With attention among the tracks in every decoder layer.
        backbone: A name of ``clip_backbones.BACKBONES``, or the backbone itself.
        text_encoder: Encoder of sentences; ``None``: a RoBERTa.
    """

    def __init__(
        self,
        config: DetectorConfig | None = None,
        *,
        track_attention: bool,
        backbone: str | Backbone = "resnet50",
        text_encoder: TextEncoder | None = None,
    ) -> None:
        super().__init__()
        config = config or DetectorConfig()
        self.config = config
        c, heads = config.channels, config.heads
        backbone = ClipBackbone(backbone) if isinstance(backbone, str) else backbone
        self.backbone = nn.ModuleList([backbone])
        self.input_proj = LevelProjections(backbone.channels[1:], c, config.levels)
        self.text_encoder = build_roberta(config.text) if text_encoder is None else text_encoder
        # the original declares a dropout and never applies it
        self.txt_proj = FeatureResizer(self.text_encoder.config.hidden_size, c, 0.0)
        self.fusion_module = VisionLanguageFusion(c, heads)
        layer: Callable[[int, int, int, int], nn.Module] = DeformableDecoderLayer
        if track_attention:
            layer = partial(TrackDecoderLayer, detect_queries=config.detect_queries)
        self.transformer = DeformableTransformer(config.depth, c, config.feedforward, config.levels, heads, layer)
        self.query_embed = nn.Embedding(config.detect_queries, 2 * c)
        class_heads = [nn.Linear(c, 1) for _ in range(config.depth)]
        refer_heads = [nn.Linear(c, 1) for _ in range(config.depth)]
        self.class_embed = nn.ModuleList(class_heads)
        self.refer_embed = nn.ModuleList(refer_heads)
        self.bbox_embed = self.transformer.decoder.bbox_embed  # one head under two names, as in the authors' files
        for head in (*class_heads, *refer_heads):
            nn.init.constant_(head.bias, -4.595)  # probability 0.01, the focal loss's prior

    def see(self, frames: ClipInput) -> list[Tensor]:
        """Encode normalized frames ``(t, 3, h, w)``, or their maps, as one map ``(t, c, h_l, w_l)`` per level."""
        (maps,) = self.backbone[0](frames, len(frames))
        out: list[Tensor] = self.input_proj(maps[1:])
        return out

    def read(self, ids: Tensor) -> Words:
        """Encode token ids, int64 ``(1, n)``."""
        features = self.txt_proj(self.text_encoder(ids, attention_mask=torch.ones_like(ids)).last_hidden_state)
        positions = sine_grid((ids.shape[1],), self.config.channels, device=features.device)
        return Words(features, positions.transpose(1, 2))

    def encode(self, levels: list[Tensor], *sentences: Words) -> EncodedLevels:
        """Fuse the maps of ``see`` with each of n sentences and encode them: batch ``n * t``, sentence by sentence."""
        sizes = [level.shape[-2:] for level in levels]
        fused = [torch.cat([self.fusion_module(level, words) for words in sentences]) for level in levels]
        positions = [
            sine_grid(size, self.config.channels // 2, centered=True, device=levels[0].device) for size in sizes
        ]
        no_padding = [torch.zeros(len(x), *x.shape[-2:], dtype=torch.bool, device=x.device) for x in fused]
        return self.transformer.encode(fused, positions, no_padding)

    def queries(self, tracks: TrackQueries | None) -> TrackQueries:
        """Return the queries of a frame: fresh ones, then the tracks in their order."""
        embedding = self.query_embed.weight
        reference = self.transformer.reference_points(embedding[:, : self.config.channels])
        ids = torch.full((self.config.detect_queries,), NO_TRACK, device=embedding.device)
        fresh = TrackQueries(reference, embedding, ids, torch.zeros_like(ids))
        return fresh if tracks is None else fresh.followed_by(tracks)

    def decode(self, encoded: EncodedLevels, queries: TrackQueries) -> DecodedQueries:
        """Run the decoder on queries; batch 1."""
        position, content = queries.embedding[None].chunk(2, dim=-1)
        out: DecodedQueries = self.transformer.decoder(content, position, queries.reference[None].sigmoid(), encoded)
        return out

    def detect(self, encoded: EncodedLevels, queries: TrackQueries) -> Detections:
        """Classify every query of a frame."""
        decoded = self.decode(encoded, queries)
        output = decoded.states[-1, 0]
        logits, refers = self.class_embed[-1](output)[:, 0], self.refer_embed[-1](output)[:, 0]
        return Detections(logits, refers, decoded.boxes[-1, 0], output)
