"""From the answers of ReferFormer's and MUTR's queries to one mask per frame. Axes: t frames, q queries, c channels."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.layers.inputs.resize import Size

DRAWN_AT_ONCE = 8
"""Frames whose masks are scaled up together."""


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """What is kept of one prompt in one clip until all clips are seen.

    Attributes:
        logits: ``(t, q)``: is this query the object?
        states: ``(t, q, c)`` after the last decoder layer.
        masks: Mask logits ``(t, q, h, w)``.
    """

    logits: Tensor
    states: Tensor
    masks: Tensor


def best_query(logits: Tensor) -> tuple[int, float]:
    """The query whose probability, averaged over the frames of ``logits (t, q)``, is highest, and that average."""
    scores = logits.float().sigmoid().mean(0)
    best = int(scores.argmax())
    return best, float(scores[best])


def draw_query(answer: QueryAnswer, query: int, size: Size) -> Tensor:
    """Scale one query's mask to the video's size: bool ``(t, *size)``, probability above one half."""
    drawn = [
        F.interpolate(part[:, None].float(), size=size, mode="bilinear", align_corners=False)[:, 0].sigmoid() > 0.5
        for part in answer.masks[:, query].split(DRAWN_AT_ONCE)
    ]
    return torch.cat(drawn)
