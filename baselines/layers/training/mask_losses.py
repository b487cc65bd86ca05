"""Losses and matching costs of masks (Mask2Former, Cheng et al., CVPR 2022, section 3.3; V-Net's Dice).

Axes: m masks, n predictions, p pixels (or sampled points).
"""

import torch.nn.functional as F
from torch import Tensor


def mask_bce(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean binary cross-entropy of each mask: ``(m, p)`` logits and 0..1 targets to ``(m,)``."""
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(-1)


def mask_dice(logits: Tensor, targets: Tensor) -> Tensor:
    """``1 - (2 |x y| + 1) / (|x| + |y| + 1)`` of each mask: ``(m, p)`` logits and 0..1 targets to ``(m,)``."""
    return probability_dice(logits.sigmoid(), targets)


def probability_dice(probabilities: Tensor, targets: Tensor) -> Tensor:
    """``mask_dice`` of probabilities ``(m, p)`` in place of logits."""
    overlap = (probabilities * targets).sum(-1)
    return 1 - (2 * overlap + 1) / (probabilities.sum(-1) + targets.sum(-1) + 1)


def pairwise_bce(logits: Tensor, targets: Tensor) -> Tensor:
    """``mask_bce`` of every pair: logits ``(..., n, p)``, targets ``(..., m, p)`` to ``(..., n, m)``."""
    positive, negative = F.softplus(-logits), F.softplus(logits)
    return (positive @ targets.mT + negative @ (1 - targets).mT) / logits.shape[-1]


def pairwise_dice(logits: Tensor, targets: Tensor) -> Tensor:
    """``mask_dice`` of every pair: logits ``(..., n, p)``, targets ``(..., m, p)`` to ``(..., n, m)``."""
    x = logits.sigmoid()
    return 1 - (2 * x @ targets.mT + 1) / (x.sum(-1)[..., None] + targets.sum(-1)[..., None, :] + 1)
