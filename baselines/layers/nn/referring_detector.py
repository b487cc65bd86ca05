"""TransRMOT's network within one frame: image and sentence in, a state and a box per query out.

Wu et al., "Referring Multi-Object Tracking", CVPR 2023, section 4; TempRMOT shares it. One image and one sentence at
a time, so nothing is ever padded. Only the fusion mixes image and sentence: ``see`` is done once per frame for all
sentences, ``read`` once per sentence for all frames. Axes: q queries, c = 256 channels, s memory cells.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.layers.nn.deformable_transformer import (
    DecodedQueries,
    DeformableDecoderLayer,
    DeformableTransformer,
    EncodedLevels,
    LevelProjections,
)
from baselines.layers.nn.position_encoding import sine_grid
from baselines.layers.nn.resnet import BLOCKS, CHANNELS, ResNet
from baselines.layers.nn.text_encoder import FeatureResizer, TextEncoderConfig, build_roberta
from baselines.layers.nn.track_queries import NO_TRACK, Detections, TrackQueries

WIDTH, FEEDFORWARD, DEPTH, LEVELS, HEADS = 256, 1024, 6, 4, 8
DETECT_QUERIES = 300
"""Learned queries that look for new objects in every frame; they stand before the tracks."""

IGNORED_KEYS = ("text_encoder.embeddings.position_ids",)
"""A constant index table that files written with an older transformers carry."""


def has_track_attention(keys: Iterable[str]) -> bool:
    """Tell from a file's keys whether it was trained with attention among the tracks (``--extra_track_attn``)."""
    return any(".update_attn." in key for key in keys)


class TrackDecoderLayer(DeformableDecoderLayer):
    """A decoder layer whose tracks (the queries behind the detect queries) first attend to each other."""

    def __init__(self, channels: int = WIDTH, feedforward: int = FEEDFORWARD, levels: int = LEVELS) -> None:
        super().__init__(channels, feedforward, levels, HEADS)
        self.update_attn = nn.MultiheadAttention(channels, HEADS, batch_first=True)
        self.norm4 = nn.LayerNorm(channels)

    def forward(self, content: Tensor, position: Tensor, reference: Tensor, encoded: EncodedLevels) -> Tensor:
        """Refine ``content`` ``(1, q, c)``."""
        fresh, tracks = content[:, :DETECT_QUERIES], content[:, DETECT_QUERIES:]
        if tracks.shape[1] > 0:
            query = tracks + position[:, DETECT_QUERIES:]
            attended, _ = self.update_attn(query, query, tracks, need_weights=False)
            content = torch.cat((fresh, self.norm4(tracks + attended)), dim=1)
        return super().forward(content, position, reference, encoded)


class VisionLanguageFusion(nn.Module):
    """Let every cell look at the words; what it finds is added."""

    def __init__(self) -> None:
        super().__init__()
        self.multihead_attn = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def forward(self, level: Tensor, words: "Words") -> Tensor:
        """Fuse one map ``(1, c, h, w)``; the size stays."""
        cells = level.flatten(2).transpose(1, 2)
        found, _ = self.multihead_attn(cells, words.features + words.positions, words.features, need_weights=False)
        out: Tensor = level + found.transpose(1, 2).view_as(level)
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """A sentence as features ``(1, n, c)`` of its n tokens, begin and end included, and their positions alike."""

    features: Tensor
    positions: Tensor


class ReferringDetector(nn.Module):
    """ResNet-50, RoBERTa, fusion on four levels, deformable transformer with box refinement, class and refer heads.

    Args:
        track_attention: With attention among the tracks in every decoder layer.
        text: Sizes of the text encoder; ``None``: roberta-base.
    """

    def __init__(self, *, track_attention: bool, text: TextEncoderConfig | None = None) -> None:
        super().__init__()
        self.backbone = nn.ModuleList([nn.ModuleDict({"body": ResNet(BLOCKS["resnet50"])})])
        self.input_proj = LevelProjections(CHANNELS[1:], WIDTH, LEVELS)
        self.text_encoder = build_roberta(text)
        self.txt_proj = FeatureResizer(out=WIDTH, dropout=0.0)  # the original declares a dropout and never applies it
        self.fusion_module = VisionLanguageFusion()
        layer = TrackDecoderLayer if track_attention else DeformableDecoderLayer
        self.transformer = DeformableTransformer(DEPTH, WIDTH, FEEDFORWARD, LEVELS, layer)
        self.query_embed = nn.Embedding(DETECT_QUERIES, 2 * WIDTH)
        self.class_embed = nn.ModuleList(nn.Linear(WIDTH, 1) for _ in range(DEPTH))
        self.refer_embed = nn.ModuleList(nn.Linear(WIDTH, 1) for _ in range(DEPTH))
        self.bbox_embed = self.transformer.decoder.bbox_embed  # one head under two names, as in the authors' files
        for head in (*self.class_embed, *self.refer_embed):
            nn.init.constant_(head.bias, -4.595)  # probability 0.01: the focal loss's prior, most queries see nothing

    def see(self, image: Tensor) -> list[Tensor]:
        """Encode a normalized image ``(1, 3, h, w)`` as four maps ``(1, c, h_l, w_l)``, not knowing the sentence."""
        out: list[Tensor] = self.input_proj(self.backbone.get_submodule("0.body")(image)[1:])
        return out

    def read(self, ids: Tensor) -> Words:
        """Encode token ids, int64 ``(1, n)``."""
        features = self.txt_proj(self.text_encoder(ids).last_hidden_state)
        positions = sine_grid((ids.shape[1],), WIDTH, device=features.device)
        return Words(features, positions.transpose(1, 2))

    def encode(self, levels: list[Tensor], words: Words) -> EncodedLevels:
        """Fuse the maps of ``see`` with a sentence and encode them."""
        fused = [self.fusion_module(level, words) for level in levels]
        sizes = [level.shape[-2:] for level in levels]
        positions = [sine_grid(size, WIDTH // 2, centerd=True, device=levels[0].device) for size in sizes]
        whole = [torch.zeros(1, *size, dtype=torch.bool, device=levels[0].device) for size in sizes]
        return self.transformer.encode(fused, positions, whole)

    def queries(self, tracks: TrackQueries | None) -> TrackQueries:
        """Return the queries of a frame: fresh ones, then the tracks in their order."""
        embedding = self.query_embed.weight
        reference = self.transformer.reference_points(embedding[:, :WIDTH])
        ids = torch.full((DETECT_QUERIES,), NO_TRACK, device=embedding.device)
        fresh = TrackQueries(reference, embedding, ids, torch.zeros_like(ids))
        return fresh if tracks is None else fresh.followed_by(tracks)

    def decode(self, encoded: EncodedLevels, queries: TrackQueries) -> DecodedQueries:
        """Run the decoder on queries; batch 1."""
        position, content = queries.embedding[None].chunk(2, dim=-1)
        out: DecodedQueries = self.transformer.decoder(content, position, queries.reference[None].sigmoid(), encoded)
        return out

    def detect(self, encoded: EncodedLevels, queries: TrackQueries) -> Detections:
        """Judge every query in a frame."""
        decoded = self.decode(encoded, queries)
        output = decoded.states[-1, 0]
        logits, refers = self.class_embed[-1](output)[:, 0], self.refer_embed[-1](output)[:, 0]
        return Detections(logits, refers, decoded.boxes[-1, 0], output)
