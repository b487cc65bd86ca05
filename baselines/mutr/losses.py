"""What MUTR learns from: ReferFormer's matching and losses (Wu et al., CVPR 2022, section 3.4), one target a clip.

Axes: t frames, q queries, h and w rows and columns at stride 4.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.layers.nn.boxes import boxes_of, corners, generalized_iou

CLASS, BOX, GIOU, MASK, DICE = 2.0, 5.0, 2.0, 2.0, 5.0
"""Weights of the losses, and of the matching costs."""

ALPHA, GAMMA = 0.25, 2.0
"""Of the focal losses (Lin et al., ICCV 2017)."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a sentence means in a clip.

    Attributes:
        masks: Union of its objects, float 0..1, ``(t, h, w)``.
        boxes: Around them, ``(t, 4)``, ``cx, cy, w, h`` in 0..1; anything where nothing is seen.
        seen: Whether something of them is seen, bool ``(t,)``; nowhere: no target.
    """

    masks: Tensor
    boxes: Tensor
    seen: Tensor

    @classmethod
    def of(cls, masks: Tensor) -> "Target":
        """Add boxes to masks ``(t, h, w)``."""
        box = boxes_of(masks)
        center, size = (box[:, :2] + box[:, 2:]) / 2, box[:, 2:] - box[:, :2]
        return cls(masks, torch.cat((center, size), 1), (masks > 0).flatten(1).any(1))


def query_losses(logits: Tensor, boxes: Tensor, masks: Tensor, target: Target) -> dict[str, Tensor]:
    """Losses of one decoder layer: the query that fits the target best has to find it, the others nothing.

    Args:
        logits: Is this query the object, ``(q,)``.
        boxes: ``(t, q, 4)``, ``cx, cy, w, h`` in 0..1.
        masks: Mask logits ``(t, q, h, w)``.
        target: Without a target only the class is learned.
    """
    zero = logits.new_zeros(())
    if not bool(target.seen.any()):
        return {"class": focal(logits, torch.zeros_like(logits)).sum(), "box": zero, "giou": zero, "mask": zero,
                "dice": zero}  # fmt: skip
    seen = target.seen
    flat, ground_truth = masks.transpose(0, 1).flatten(1), target.masks.flatten().expand(masks.shape[1], -1)
    per_query = {
        "class": focal(logits, torch.ones_like(logits)) - focal(logits, torch.zeros_like(logits)),
        "box": (boxes - target.boxes[:, None])[seen].abs().sum(-1).mean(0),
        "giou": 1 - generalized_iou(corners(boxes[seen]), corners(target.boxes[seen])[:, None]).mean(0),
        "mask": focal(flat, ground_truth).mean(1),
        "dice": dice(flat, ground_truth),
    }
    best = int(weighted(per_query).argmin())
    hit = F.one_hot(torch.tensor(best, device=logits.device), len(logits)).float()
    return {name: value[best] for name, value in per_query.items()} | {"class": focal(logits, hit).sum()}


def weighted(parts: dict[str, Tensor]) -> Tensor:
    """Sum of losses (or of matching costs) by their weights."""
    weights = {"class": CLASS, "box": BOX, "giou": GIOU, "mask": MASK, "dice": DICE}
    return torch.stack([weights[name] * value for name, value in parts.items()]).sum(0)


def focal(logits: Tensor, targets: Tensor) -> Tensor:
    """Focal loss of every logit, same shape."""
    p = logits.sigmoid()
    wrong = p + targets - 2 * p * targets
    balance = ALPHA * targets + (1 - ALPHA) * (1 - targets)
    return balance * wrong**GAMMA * F.binary_cross_entropy_with_logits(logits, targets, reduction="none")


def dice(logits: Tensor, targets: Tensor) -> Tensor:
    """``1 - (2 |x y| + 1) / (|x| + |y| + 1)``: ``(n, p)`` to ``(n,)``."""
    x = logits.sigmoid()
    return 1 - (2 * (x * targets).sum(-1) + 1) / (x.sum(-1) + targets.sum(-1) + 1)
