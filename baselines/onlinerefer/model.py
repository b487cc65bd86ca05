"""OnlineRefer: ReferFormer run one frame at a time, with the best query of each frame as the only query of the next.

Wu et al., "OnlineRefer: A Simple Online Baseline for Referring Video Object Segmentation", ICCV 2023, section 3. The
released code is the online model; the paper's semi-online one was not released. Axes: t frames, q queries, c channels,
h rows, w columns, n decoder layers.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.clip_backbones import Backbone
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.deformable_transformer import inverse_sigmoid
from baselines.layers.nn.language_queries import (
    ClipFeatures,
    FoundQueries,
    LanguageQueries,
    LanguageQueriesConfig,
    QueryStart,
    SegmentedClip,
)
from baselines.layers.nn.prepared_maps import ClipInput


@dataclass(frozen=True, slots=True)
class SegmentedFrame:
    """Output for one sentence and one frame, ``t = 1``.

    Attributes:
        segmented: Output of all queries.
        best: Index of the query with the highest logit.
        next_queries: The query that the next frame starts from, ``q = 1``.
    """

    segmented: SegmentedClip
    best: int
    next_queries: QueryStart


class TrackEmbedding(nn.Module):
    """Content of the next frame's query: ``LN(x + W2 ReLU(W1 x))``, keys ``linear1``, ``linear2``, ``norm``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(channels, channels)
        self.linear2 = nn.Linear(channels, channels)
        self.norm = nn.LayerNorm(channels)

    def forward(self, states: Tensor) -> Tensor:
        """Map query states ``(q, c)`` to contents of the same shape."""
        out: Tensor = self.norm(states + self.linear2(F.relu(self.linear1(states))))
        return out


class OnlineRefer(nn.Module):
    """The network, from one frame and the queries before it to mask logits.

    Args:
        backbone: A name of ``clip_backbones.BACKBONES``; image backbones only, as in the released code.
        reference: Encoder of the sentences.
        config: Sizes; ``None``: the authors'.
    """

    def __init__(
        self, backbone: str | Backbone, reference: TextReference, config: LanguageQueriesConfig | None = None
    ) -> None:
        super().__init__()
        self.reference = reference
        self.queries = LanguageQueries(backbone, config)
        self.track_embed = TrackEmbedding(self.queries.config.channels)

    def encode(self, frames: ClipInput, size: tuple[int, int] | None = None) -> list[ClipFeatures]:
        """Encode frames ``(t, 3, H, W)``, or their maps, once for all sentences, as clips of one frame each.

        Args:
            frames: Normalized RGB.
            size: Rows and columns that are image; the remainder is padding. ``None``: no padding.
        """
        return [self.queries.encode(frame, size) for frame in frames.split(1)]

    def read(self, ids: Tensor, mask: Tensor | None = None) -> Words:
        """Encode one sentence; see `TextReference`. The sentence vector is not used."""
        words: Words = self.reference(ids, mask)[0]
        return words

    def first_queries(self) -> QueryStart:
        """Return the queries of a video's first frame: zero content, learned positions, reference points."""
        return self.queries.start(self.queries.query_embed.weight.new_zeros(self.queries.config.channels))

    def find(self, frame: ClipFeatures, words: Words, queries: QueryStart) -> FoundQueries:
        """Detect the object of one sentence in one frame; arguments as those of `forward`."""
        return self.queries.find([self.queries.fuse(level, words) for level in frame.levels], queries)

    def follow(self, found: FoundQueries, logits: Tensor, queries: QueryStart) -> tuple[int, QueryStart]:
        """Choose the query that the next frame starts from.

        Args:
            found: Of `find`.
            logits: After the last decoder layer, ``(1, q)``.
            queries: From which ``found`` was decoded.

        Returns:
            Index of the query with the highest logit, and the next frame's only query. No gradient runs through its
            box.
        """
        best = int(logits[0].argmax())
        # The box passes through its clamped logit, which is the state that the authors' code keeps.
        box = inverse_sigmoid(found.boxes[-1, 0, best]).sigmoid().detach()
        content = self.track_embed(found.states[-1, 0, best])
        return best, QueryStart(content[None], queries.position[best][None], box[None])

    def forward(self, frame: ClipFeatures, words: Words, queries: QueryStart) -> SegmentedFrame:
        """Segment the object of one sentence in one frame.

        Args:
            frame: One frame of `encode`.
            words: The sentence.
            queries: Those of `first_queries`, or of the frame before (``next_queries``).
        """
        found = self.find(frame, words, queries)
        states, boxes = found.states[-1], found.boxes[-1]
        logits = self.queries.class_embed[-1](states).squeeze(-1)
        masks = self.queries.segment(frame, found, words, states, boxes[..., :2])
        return SegmentedFrame(SegmentedClip(logits, boxes, masks, found), *self.follow(found, logits, queries))
