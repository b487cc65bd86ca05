"""Losses and matching costs of the DETR family (Carion et al., ECCV 2020; Zhu et al., ICLR 2021).

Axes: q queries, o objects, k classes, p cells of a mask or of a clip's masks. A cost table has one row per query and
one column per object; the lower, the better the query fits the object. Leading axes (``...``) are batch axes.
"""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from baselines.layers.nn.boxes import corners, generalized_iou

COST_EPSILON = 1e-8
"""Added to probabilities before the logarithm, in the class cost only."""


def sigmoid_focal_loss(logits: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Focal loss of every logit (Lin et al., ICCV 2017, equation 5), not reduced.

    Args:
        logits: Any shape.
        targets: 0 or 1 in the dtype of ``logits``, broadcastable to it.
        alpha: Weight of the cells with target 1; those with target 0 have ``1 - alpha``.
        gamma: Exponent of the distance between probability and target; 0: weighted cross-entropy.

    Returns:
        Shape of ``logits``, at least 0.
    """
    targets = targets.expand_as(logits)
    probability = logits.sigmoid()
    error = probability + targets - 2 * probability * targets
    balance = alpha * targets + (1 - alpha) * (1 - targets)
    return balance * error**gamma * F.binary_cross_entropy_with_logits(logits, targets, reduction="none")


def dice_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """``1 - (2 sum(p t) + 1) / (sum p + sum t + 1)`` over the last axis (Milletari et al., 3DV 2016), 0..1.

    Args:
        logits: ``(..., p)``.
        targets: 0 or 1 in the dtype of ``logits``, broadcastable to it. Empty masks: near 0 for an empty prediction.

    Returns:
        ``(...)``.
    """
    probability = logits.sigmoid()
    overlap = (probability * targets).sum(-1)
    return 1 - (2 * overlap + 1) / (probability.sum(-1) + targets.sum(-1) + 1)


def pairwise_class_cost(logits: Tensor, labels: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Focal loss of a class that is there minus that of the class not there (Deformable DETR's class cost).

    Args:
        logits: ``(..., q, k)``.
        labels: Class of each object, int64 ``(..., o)``.
        alpha: As in `sigmoid_focal_loss`.
        gamma: As in `sigmoid_focal_loss`.

    Returns:
        ``(..., q, o)``.
    """
    probability = logits.sigmoid()
    present = alpha * (1 - probability) ** gamma * -(probability + COST_EPSILON).log()
    absent = (1 - alpha) * probability**gamma * -(1 - probability + COST_EPSILON).log()
    index = labels.unsqueeze(-2).expand(*logits.shape[:-1], labels.shape[-1])
    return (present - absent).gather(-1, index)


def pairwise_l1_cost(boxes: Tensor, target_boxes: Tensor) -> Tensor:
    """Sum of the absolute differences of ``(..., q, 4)`` and ``(..., o, 4)``: ``(..., q, o)``."""
    return torch.cdist(boxes, target_boxes, p=1)


def pairwise_giou_cost(boxes: Tensor, target_boxes: Tensor, epsilon: float = 0.0) -> Tensor:
    """Negative generalized IoU, -1..1.

    Args:
        boxes: ``(..., q, 4)``, ``cx, cy, w, h``.
        target_boxes: ``(..., o, 4)``, ``cx, cy, w, h``.
        epsilon: As in `generalized_iou`.

    Returns:
        ``(..., q, o)``.
    """
    return -generalized_iou(corners(boxes).unsqueeze(-2), corners(target_boxes).unsqueeze(-3), epsilon)


def pairwise_focal_cost(logits: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Mean over the cells of `sigmoid_focal_loss` for all pairs of ``(q, p)`` and ``(o, p)``: ``(q, o)``."""
    inside = sigmoid_focal_loss(logits, torch.ones_like(logits), alpha, gamma)
    outside = sigmoid_focal_loss(logits, torch.zeros_like(logits), alpha, gamma)
    return (inside @ targets.T + outside @ (1 - targets).T) / logits.shape[1]


def pairwise_dice_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """`dice_loss` of all pairs of ``(q, p)`` and ``(o, p)``: ``(q, o)``."""
    probability = logits.sigmoid()
    total = probability.sum(1)[:, None] + targets.sum(1)[None]
    return 1 - (2 * (probability @ targets.T) + 1) / (total + 1)


def assign(cost: Tensor) -> tuple[Tensor, Tensor]:
    """Assign queries to objects one to one so that the summed cost is least (Hungarian algorithm).

    Args:
        cost: ``(q, o)``, finite; without objects ``(q, 0)``.

    Returns:
        Rows, ascending, and their columns: int64 ``(min(q, o),)`` each, on the device of ``cost``.
    """
    rows, columns = linear_sum_assignment(cost.detach().cpu().numpy())
    return torch.as_tensor(rows, device=cost.device), torch.as_tensor(columns, device=cost.device)
