"""MUTR: ReferFormer with temporal aggregation into the reference and temporal interaction among the queries.

Yan et al., "Referred by Multi-Modality: A Unified Temporal Transformer for Video Object Segmentation", AAAI 2024.
Axes: t frames, q queries, c channels, h rows, w columns, s words.
"""

from dataclasses import replace

from torch import Tensor, nn

from baselines.layers.nn.clip_backbones import Backbone
from baselines.layers.nn.cross_modal_fpn import Level, Words
from baselines.layers.nn.language_queries import (
    ClipFeatures,
    FoundQueries,
    LanguageQueries,
    LanguageQueriesConfig,
    SegmentedClip,
)
from baselines.layers.nn.prepared_maps import ClipInput
from baselines.mutr.temporal import TemporalAggregation, TemporalInteraction, interaction_config


class Mutr(nn.Module):
    """The network, from frames to mask logits.

    Args:
        backbone: A name of ``clip_backbones.BACKBONES``, or the backbone itself.
        reference: Encoder of the prompts: `TextReference` or `AudioReference`.
        config: Sizes; ``None``: the authors'.
    """

    def __init__(
        self, backbone: str | Backbone, reference: nn.Module, config: LanguageQueriesConfig | None = None
    ) -> None:
        super().__init__()
        self.reference = reference
        self.queries = LanguageQueries(backbone, config)
        config = config or LanguageQueriesConfig()
        self.mta = TemporalAggregation(config.channels, config.heads, config.feedforward)
        self.mti = TemporalInteraction(interaction_config(config))

    def encode(self, frames: ClipInput, size: tuple[int, int] | None = None) -> ClipFeatures:
        """Encode a clip once for all sentences; see `LanguageQueries.encode`."""
        return self.queries.encode(frames, size)

    def read(self, *inputs: Tensor) -> Words:
        """Encode one reference; the vector of the whole sentence, from which ReferFormer starts, is not used."""
        words, _ = self.reference(*inputs)
        out: Words = words
        return out

    def find(self, clip: ClipFeatures, words: Words) -> FoundQueries:
        """Detect the reference in every frame of one clip."""
        gathered = self.mta(words, clip.levels)
        return self.queries.find([self._fuse(level, words) for level in clip.levels], self.queries.start(gathered[0]))

    def classify(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Temporal interaction of the frames' queries ``(t, q, c)``, and their classification.

        Returns:
            The clip's queries ``(q, c)`` and their logits of being the object ``(q,)``. The first head is used: at
            inference the original passes one layer of states, so its loop over heads ends at index 0.
        """
        clip_queries = self.mti(states)
        return clip_queries, self.queries.class_embed[0](clip_queries).squeeze(-1)

    def forward(self, clip: ClipFeatures, words: Words) -> SegmentedClip:
        """Segment the object of one reference in one clip.

        Boxes and origins of the mask kernels are those after the *first* decoder layer: the same loop over heads pairs
        the last states with index 0. The released weights were evaluated this way.
        """
        found = self.find(clip, words)
        clip_queries, logits = self.classify(found.states[-1])
        boxes = found.boxes[0]
        masks = self.queries.segment(clip, found, words, clip_queries.expand(len(boxes), -1, -1), boxes[..., :2])
        return SegmentedClip(logits.expand(len(boxes), -1), boxes, masks, found)

    def _fuse(self, level: Level, words: Words) -> Level:
        """Add the attended word features to every cell."""
        return replace(level, maps=[x + self.queries.fusion_module(x, words) for x in level.maps])
