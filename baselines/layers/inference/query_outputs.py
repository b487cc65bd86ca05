"""Inference of language-query networks (ReferFormer, MUTR): preprocessing and selection of a query's masks.

Axes: t frames, q queries, c channels, h rows, w columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.layers.inputs.resize import Size, shortest_edge_truncated
from baselines.layers.nn.language_queries import ClipFeatures, SegmentedClip

FRAMES_AT_ONCE = 8
"""Frames whose masks are upsampled together."""

TextT_contra = TypeVar("TextT_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class QueryOutputs:
    """Output for one prompt and one clip, kept until all clips are processed.

    Attributes:
        logits: Logits of being the referred object, ``(t, q)``.
        states: Query states after the last decoder layer, ``(t, q, c)``.
        masks: Mask logits, ``(t, q, h, w)``.
    """

    logits: Tensor
    states: Tensor
    masks: Tensor


class LanguageQueryNetwork(Protocol[TextT_contra]):
    """Forward pass of ReferFormer or MUTR."""

    def encode(self, frames: Tensor, size: tuple[int, int] | None = None) -> ClipFeatures:
        """Encode a clip."""
        ...

    def __call__(self, clip: ClipFeatures, text: TextT_contra) -> SegmentedClip:
        """Segment the object of one prompt in one clip."""
        ...


def input_size(height: int, width: int, short: int) -> Size:
    """Rows and columns of the network's input: short side given, long side truncated, unbounded."""
    return shortest_edge_truncated(height, width, short)


def segment(network: LanguageQueryNetwork[TextT_contra], clip: ClipFeatures, text: TextT_contra) -> QueryOutputs:
    """Segment the object of one prompt in one clip."""
    segmented = network(clip, text)
    return QueryOutputs(segmented.logits, segmented.found.states[-1], segmented.masks)


def best_query(logits: Tensor) -> tuple[int, float]:
    """Query with the highest mean probability over the frames of ``logits (t, q)``, and that probability."""
    scores = logits.float().sigmoid().mean(0)
    best = int(scores.argmax())
    return best, float(scores[best])


def all_queries(outputs: Sequence[QueryOutputs], size: Size) -> Iterator[tuple[list[Tensor], float]]:
    """Yield masks per clip and mean probability over all frames of every query."""
    scores = torch.cat([output.logits for output in outputs]).float().sigmoid().mean(0)
    for query, score in enumerate(scores.tolist()):
        yield [query_masks(output, query, size) for output in outputs], score


def upsample_masks(logits: Tensor, size: Size) -> Tensor:
    """Upsample mask logits ``(t, h, w)`` bilinearly: bool ``(t, *size)``, probability above one half."""
    masks = [
        F.interpolate(chunk[:, None].float(), size=size, mode="bilinear", align_corners=False)[:, 0].sigmoid() > 0.5
        for chunk in logits.split(FRAMES_AT_ONCE)
    ]
    return torch.cat(masks)


def query_masks(outputs: QueryOutputs, query: int, size: Size) -> Tensor:
    """Masks of one query at the video's size, bool ``(t, *size)``."""
    return upsample_masks(outputs.masks[:, query], size)
