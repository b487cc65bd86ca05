"""Inference of language-query networks (ReferFormer and its successors): preprocessing and masks of a query.

Axes: t frames, q queries, c channels, h rows, w columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.layers.inputs.resize import Size, shortest_edge_truncated
from baselines.layers.nn.language_queries import SegmentedClip

FRAMES_AT_ONCE = 8
"""Frames whose masks are upsampled together."""


@dataclass(frozen=True, slots=True)
class QueryOutputs:
    """Output for one prompt and one clip, kept until all clips are processed.

    Attributes:
        logits: Logits of being the referred object, ``(t, q)``, or of k classes of it, ``(t, q, k)``.
        states: Query states after the last decoder layer, ``(t, q, c)``.
        masks: Mask logits, ``(t, q, h, w)``.
    """

    logits: Tensor
    states: Tensor
    masks: Tensor

    @classmethod
    def of(cls, segmented: SegmentedClip) -> "QueryOutputs":
        """Keep what is needed after the last clip."""
        return cls(segmented.logits, segmented.found.states[-1], segmented.masks)


def input_size(height: int, width: int, short: int) -> Size:
    """Rows and columns of the network's input: short side given, long side truncated, unbounded."""
    return shortest_edge_truncated(height, width, short)


def query_scores(logits: Tensor) -> Tensor:
    """Mean probability over the frames of ``logits (t, q)``: ``(q,)``; of ``(t, q, k)`` that of the best class."""
    scores = logits.float().sigmoid().mean(0)
    return scores if scores.dim() == 1 else scores.amax(-1)


def best_query(logits: Tensor) -> tuple[int, float]:
    """Query with the highest of `query_scores`, and that score."""
    scores = query_scores(logits)
    best = int(scores.argmax())
    return best, float(scores[best])


def all_queries(outputs: Sequence[QueryOutputs], size: Size) -> Iterator[tuple[list[Tensor], float]]:
    """Yield masks per clip and mean probability over all frames of every query."""
    scores = query_scores(torch.cat([output.logits for output in outputs]))
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
