"""ReferFormer: five queries built from the sentence, one trajectory each.

Wu et al., "Language as Queries for Referring Video Object Segmentation", CVPR 2022. Axes: t frames, q queries,
c channels, h rows, w columns, s words.
"""

from torch import Tensor, nn

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.clip_backbones import Backbone
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import (
    ClipFeatures,
    FoundQueries,
    LanguageQueries,
    LanguageQueriesConfig,
    SegmentedClip,
)
from baselines.layers.nn.prepared_maps import ClipInput


class ReferFormer(nn.Module):
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
        self.reference = reference
        self.queries = LanguageQueries(backbone, config)

    def encode(self, frames: ClipInput, size: tuple[int, int] | None = None) -> ClipFeatures:
        """Encode a clip once for all sentences; see `LanguageQueries.encode`."""
        return self.queries.encode(frames, size)

    def read(self, ids: Tensor, mask: Tensor | None = None) -> tuple[Words, Tensor]:
        """Encode one sentence; see `TextReference`."""
        out: tuple[Words, Tensor] = self.reference(ids, mask)
        return out

    def find(self, clip: ClipFeatures, text: tuple[Words, Tensor]) -> FoundQueries:
        """Detect a sentence's object in every frame of one clip."""
        words, sentence = text
        return self.queries.find(
            [self.queries.fuse(level, words) for level in clip.levels], self.queries.start(sentence)
        )

    def forward(self, clip: ClipFeatures, text: tuple[Words, Tensor]) -> SegmentedClip:
        """Segment the object of one sentence in one clip."""
        words, _ = text
        found = self.find(clip, text)
        states, boxes = found.states[-1], found.boxes[-1]
        logits = self.queries.class_embed[-1](states).squeeze(-1)
        masks = self.queries.segment(clip, found, words, states, boxes[..., :2])
        return SegmentedClip(logits, boxes, masks, found)
