"""R2-VOS: ReferFormer's front and transformer; a sentence read back out of the video enters queries and agreement.

Li et al., "Robust Referring Video Object Segmentation with Cyclic Structural Consensus", ICCV 2023. Axes: t frames of a
clip, q queries, c channels, h rows, w columns.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.clip_backbones import Backbone
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.dynamic_mask_head import DynamicHead
from baselines.layers.nn.language_queries import (
    ClipLevels,
    EncodedClip,
    FoundQueries,
    LanguageDetector,
    LanguageQueriesConfig,
    SegmentedClip,
)
from baselines.layers.nn.mlp import Mlp
from baselines.layers.nn.prepared_maps import ClipInput
from baselines.layers.nn.text_encoder import FeatureResizer
from baselines.r2vos.config import SIZES
from baselines.r2vos.dual_fpn import DualFpn, Reading


@dataclass(frozen=True, slots=True)
class Answer:
    """Output for one sentence and one clip.

    Attributes:
        segmented: Output of all queries.
        reading: The sentence read back out of the video.
        disagreement: Logit, a scalar, of sentence and video not being about the same.
    """

    segmented: SegmentedClip
    reading: Reading
    disagreement: Tensor


class R2Vos(nn.Module):
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
        self.queries = LanguageDetector(backbone, config, DynamicHead(c))
        self.query_mixer = FeatureResizer(2 * c, c, dropout=0.0)
        self.pixel_decoder = DualFpn(
            self.queries.backbone.channels[0], c, config.heads, config.feedforward, config.dropout
        )
        self.neg_classifier = Mlp(2 * c, c, c, 1)

    def encode(self, frames: ClipInput, size: tuple[int, int] | None = None) -> ClipLevels:
        """Encode a clip, once for all sentences; keeps the maps of stride 4, projected for the masks."""
        return self.queries.encode_levels(frames, size, lambda maps: [self.pixel_decoder.adapt(1, maps[0])])

    def read(self, ids: Tensor, mask: Tensor | None = None) -> tuple[Words, Tensor]:
        """Encode one sentence; see `TextReference`."""
        out: tuple[Words, Tensor] = self.reference(ids, mask)
        return out

    def read_back(self, clip: ClipLevels, words: Words) -> tuple[EncodedClip, Reading]:
        """Encode a clip together with the words, and read the sentence back out of it."""
        encoded = self.queries.encode_fused([self.queries.fuse(level, words) for level in clip.levels])
        return encoded, self.pixel_decoder.read(encoded.levels[-1], words)

    def content(self, sentence: Tensor, pseudo: Tensor) -> Tensor:
        """Content of all queries, ``(c,)``, from the sentence and the one that was read back."""
        out: Tensor = sentence + self.query_mixer(torch.cat((sentence, pseudo)))
        return out

    def disagreement(self, sentence: Tensor, pseudo: Tensor) -> Tensor:
        """Logit, a scalar, of a sentence ``(c,)`` and one that was read back, ``(c,)``, not being about the same."""
        out: Tensor = self.neg_classifier(torch.cat((sentence, pseudo)))[0]
        return out

    def forward(self, clip: ClipLevels, text: tuple[Words, Tensor]) -> Answer:
        """Segment the object of one sentence in one clip."""
        words, sentence = text
        encoded, reading = self.read_back(clip, words)
        found = self.queries.decode(encoded, self.queries.start(self.content(sentence, reading.pseudo)))
        states, boxes = found.states[-1], found.boxes[-1]
        logits = self.queries.class_embed[-1](states).squeeze(-1)
        masks = self.draw(clip, found, reading, states, boxes[..., :2])
        return Answer(SegmentedClip(logits, boxes, masks, found), reading, self.disagreement(sentence, reading.pseudo))

    def draw(self, clip: ClipLevels, found: FoundQueries, reading: Reading, states: Tensor, centers: Tensor) -> Tensor:
        """Predict mask logits ``(t, q, h, w)``; arguments as those of `LanguageQueries.segment`."""
        features = self.pixel_decoder(reading.coarse, found.memory[:2], clip.kept[0])
        return self.queries.draw(features, clip.size, states, centers).squeeze(2)
