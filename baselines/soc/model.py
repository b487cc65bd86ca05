"""SOC: queries without words, gathered over all frames into objects that start from the sentence.

Luo et al., "SOC: Semantic-Assisted Object Cluster for Referring Video Object Segmentation", NeurIPS 2023. Axes: t
frames of a clip, f some of them, q queries, k classes, c channels, h rows, w columns.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.clip_backbones import Backbone
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.deformable_transformer import inverse_sigmoid
from baselines.layers.nn.dynamic_mask_head import DynamicHead
from baselines.layers.nn.language_queries import (
    ClipLevels,
    EarlyFusion,
    FoundQueries,
    LanguageDetector,
    LanguageQueriesConfig,
    SegmentedClip,
)
from baselines.layers.nn.prepared_maps import ClipInput
from baselines.layers.nn.spatial_decoder import SpatialDecoder
from baselines.soc.config import SIZES
from baselines.soc.object_cluster import ObjectCluster, cluster_config

MASK_CHANNELS = 8
"""Channels of the mask features."""

LAYER = 0
"""Decoder layer whose outputs are read at inference, as the released weights were evaluated: the authors cut the list
of results to the length of the cluster's, which is 1."""

WORDS_LEVEL = 2
"""Level that the words attend to in training: stride 32."""


class Soc(nn.Module):
    """The network, from frames to mask logits.

    Args:
        backbone: A name of ``clip_backbones.BACKBONES``, or the backbone itself.
        reference: Encoder of the sentences.
        config: Sizes; ``None``: the authors'.
    """

    def __init__(
        self, backbone: str | Backbone, reference: TextReference, config: LanguageQueriesConfig | None = None
    ) -> None:
        super().__init__()
        config = config or SIZES["base"]
        c = config.channels
        self.reference = reference
        self.queries = LanguageDetector(backbone, config, DynamicHead(MASK_CHANNELS))
        # Attention of the words to the levels, which only the training reads.
        self.lvf = EarlyFusion(c, config.heads)
        self.voc = ObjectCluster(cluster_config(config))
        self.spatial_decoder = SpatialDecoder(c, (c, c, self.queries.backbone.channels[0]), MASK_CHANNELS)

    def encode(self, frames: ClipInput, size: tuple[int, int] | None = None) -> ClipLevels:
        """Encode a clip, once for all sentences; keeps the maps of stride 4, projected for the masks."""
        return self.queries.encode_levels(frames, size, lambda maps: [self.spatial_decoder.adapt(3, maps[0])])

    def read(self, ids: Tensor, mask: Tensor | None = None) -> tuple[Words, Tensor]:
        """Encode one sentence; see `TextReference`."""
        out: tuple[Words, Tensor] = self.reference(ids, mask)
        return out

    def find(self, clip: ClipLevels, words: Words) -> FoundQueries:
        """Detect objects in every frame of one clip, from queries without content."""
        start = self.queries.start(self.queries.query_embed.weight.new_zeros(self.queries.config.channels))
        return self.queries.find([self.queries.fuse(level, words) for level in clip.levels], start)

    def describe(self, clip: ClipLevels, words: Words) -> Tensor:
        """Describe a sentence by what its words attend to in the clip, for the contrastive loss: ``(c,)``."""
        level = clip.levels[WORDS_LEVEL]
        cells = torch.cat(level.maps).permute(0, 2, 3, 1)
        keys = cells + level.position.permute(0, 2, 3, 1)
        padding = None if level.padding is None else level.padding.expand(len(cells), -1, -1).flatten()[None]
        queries = words.features[None]
        attended = self.lvf.multihead_attn(
            queries, keys.flatten(0, 2)[None], cells.flatten(0, 2)[None], key_padding_mask=padding
        )
        described = (queries * attended)[0]
        out: Tensor = (described if words.padding is None else described[~words.padding]).mean(0)
        return out

    def classify(self, layer: int, states: Tensor, first_reference: Tensor) -> tuple[Tensor, Tensor]:
        """Class logits ``(t, q, k)`` and boxes ``(t, q, 4)`` of a layer from query states ``(t, q, c)``.

        Args:
            layer: Decoder layer of the heads.
            states: Query states with their objects added.
            first_reference: Reference before that layer, points ``(..., q, 2)`` or boxes ``(..., q, 4)``.
        """
        logits: Tensor = self.queries.class_embed[layer](states)
        known = inverse_sigmoid(first_reference)
        delta = self.queries.transformer.decoder.bbox_embed[layer](states)
        return logits, (delta + F.pad(known, (0, 4 - known.shape[-1]))).sigmoid()

    def forward(self, clip: ClipLevels, text: tuple[Words, Tensor], *, frame_by_frame: bool = False) -> SegmentedClip:
        """Segment the object of one sentence in one clip, with k classes of each query.

        Args:
            clip: The encoded clip.
            text: The sentence.
            frame_by_frame: Gather objects in every frame by itself.
        """
        words, sentence = text
        found = self.find(clip, words)
        last = found.states[-1]
        objects = self.voc(last[:, None] if frame_by_frame else last[None], sentence)
        states = found.states[LAYER] + objects
        logits, boxes = self.classify(LAYER, states, found.first_reference)
        masks = self.draw(clip, found, states, found.boxes[LAYER, ..., :2])
        return SegmentedClip(logits, boxes, masks, found)

    def draw(self, clip: ClipLevels, found: FoundQueries, states: Tensor, centers: Tensor) -> Tensor:
        """Predict mask logits ``(t, q, h, w)``; arguments as those of `LanguageQueries.segment`."""
        return self.queries.draw(self.mask_features(clip, found), clip.size, states, centers).squeeze(2)

    def mask_features(self, clip: ClipLevels, found: FoundQueries) -> Iterator[Tensor]:
        """Yield mask features of the next frames, ``(f, 8, h, w)`` at stride 4."""
        adapt = self.spatial_decoder.adapt
        pieces = zip(*(level.maps for level in found.memory), clip.kept[0], strict=True)
        for stride8, stride16, stride32, fine in pieces:
            yield self.spatial_decoder(stride32, (adapt(1, stride16), adapt(2, stride8), fine))
