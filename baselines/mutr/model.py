"""MUTR: ReferFormer whose reference has seen the clip before it becomes queries, and whose queries meet over time.

Yan et al., "Referred by Multi-Modality: A Unified Temporal Transformer for Video Object Segmentation", AAAI 2024.
Axes: t frames, q queries, c channels, h rows, w columns, s words.
"""

from dataclasses import replace

from torch import Tensor, nn

from baselines.layers.nn.clip_query_module import ClipDecoderConfig
from baselines.layers.nn.cross_modal_fpn import Level, Words
from baselines.layers.nn.language_queries import (
    CHANNELS,
    QUERIES,
    ClipFeatures,
    FoundQueries,
    LanguageQueries,
    SegmentedClip,
)
from baselines.mutr.temporal import TemporalAggregation, TemporalInteraction


class Mutr(nn.Module):
    """The network, from frames to mask logits.

    Args:
        backbone: A name of ``clip_backbones.BACKBONES``.
        reference: Encodes what is asked for: `TextReference` or `AudioReference`.
    """

    def __init__(self, backbone: str, reference: nn.Module) -> None:
        super().__init__()
        self.reference = reference
        self.queries = LanguageQueries(backbone)
        self.mta = TemporalAggregation(CHANNELS)
        self.mti = TemporalInteraction(
            ClipDecoderConfig(CHANNELS, QUERIES, dropout=0.2, frame_queries=QUERIES, window=4, encoder_depth=3)
        )

    def encode(self, frames: Tensor, size: tuple[int, int] | None = None) -> ClipFeatures:
        """Encode a clip once for all sentences; see `LanguageQueries.encode`."""
        return self.queries.encode(frames, size)

    def read(self, *inputs: Tensor) -> Words:
        """Encode one reference; the vector for the whole of it, which ReferFormer starts from, is not used."""
        words, _ = self.reference(*inputs)
        out: Words = words
        return out

    def find(self, clip: ClipFeatures, words: Words) -> FoundQueries:
        """Find the reference in every frame of one clip."""
        gathered = self.mta(words, clip.levels)
        return self.queries.find([self._fuse(level, words) for level in clip.levels], gathered[0])

    def classify(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Let the frames' queries ``(t, q, c)`` meet.

        Returns:
            The clip's queries ``(q, c)`` and whether each is the object, logits ``(q,)``. The first head is used:
            at inference the original hands over one layer of states, so its loop over heads stops at index 0.
        """
        met = self.mti(states)
        return met, self.queries.class_embed[0](met).squeeze(-1)

    def forward(self, clip: ClipFeatures, words: Words) -> SegmentedClip:
        """Answer one reference in one clip.

        Boxes and the places that mask kernels look from are those after the *first* decoder layer: the same loop over
        heads pairs the last states with index 0. The released weights were evaluated like this.
        """
        found = self.find(clip, words)
        met, logits = self.classify(found.states[-1])
        boxes = found.boxes[0]
        masks = self.queries.segment(clip, found, words, met.expand(len(boxes), -1, -1), boxes[..., :2])
        return SegmentedClip(logits.expand(len(boxes), -1), boxes, masks, found)

    def _fuse(self, level: Level, words: Words) -> Level:
        """Add to every cell what the words say about it."""
        return replace(level, maps=[x + self.queries.fusion_module(x, words) for x in level.maps])
