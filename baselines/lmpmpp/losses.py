"""Losses of LMPM++: equations 1 and 2 of the paper, and the mask losses of Mask2Former.

Axes: m masks, p pixels (or sampled points), a anchors, s <SEG> tokens, d channels.
"""

from collections.abc import Mapping
from itertools import permutations

import torch
import torch.nn.functional as F
from torch import Tensor

LOSS_WEIGHTS = {"txt": 1.0, "bce": 2.0, "dice": 0.5, "con": 0.3}
"""lambda_txt, lambda_bce, lambda_dice, lambda_con (Implementation Details)."""

TEMPERATURE = 0.07
"""tau of equation 1. The paper leaves it open; this is the customary value of contrastive learning."""


def total_loss(parts: Mapping[str, Tensor], weights: Mapping[str, float] = LOSS_WEIGHTS) -> Tensor:
    """Equation 2: L = lambda_txt L_txt + lambda_bce L_bce + lambda_dice L_dice + lambda_con L_con, over ``parts``."""
    return torch.stack([weights[name] * value for name, value in parts.items()]).sum()


def temporal_contrastive_loss(
    anchors: Tensor, tokens: Tensor, positives: Tensor, negatives: Tensor, temperature: float = TEMPERATURE
) -> Tensor:
    """Equation 1: pull a sentence's own <SEG> tokens to it, push others and time-shuffled ones away.

    For anchor a with positives P and negatives N:
    ``-1/|P| Σ_{a+ in P} log( exp(<a, a+>/tau) / Σ_{a' in P, N} exp(<a, a'>/tau) )``, averaged over the anchors that
    have a positive. <.,.> is the cosine.

    Args:
        anchors: Text or audio embeddings, ``(a, d)``.
        tokens: <SEG> embeddings, disrupted ones included, ``(s, d)``.
        positives: bool ``(a, s)``, P of each anchor.
        negatives: bool ``(a, s)``, N of each anchor; what is in neither is left out.
        temperature: tau.

    Returns:
        A scalar; 0 where no anchor has a positive.
    """
    similarity = F.normalize(anchors, dim=-1) @ F.normalize(tokens, dim=-1).T / temperature
    allowed = positives | negatives
    log_total = similarity.masked_fill(~allowed, float("-inf")).logsumexp(-1, keepdim=True)
    log_share = torch.where(positives, similarity - log_total, 0.0)
    count = positives.sum(-1)
    per_anchor = -log_share.sum(-1) / count.clamp(min=1)
    return per_anchor.sum() / (count > 0).sum().clamp(min=1)


def mask_bce(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean binary cross-entropy of each mask: ``(m, p)`` logits and 0..1 targets to ``(m,)``."""
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(-1)


def mask_dice(logits: Tensor, targets: Tensor) -> Tensor:
    """``1 - (2 |x y| + 1) / (|x| + |y| + 1)`` of each mask: ``(m, p)`` logits and 0..1 targets to ``(m,)``."""
    x = logits.sigmoid()
    return 1 - (2 * (x * targets).sum(-1) + 1) / (x.sum(-1) + targets.sum(-1) + 1)


def pairwise_bce(logits: Tensor, targets: Tensor) -> Tensor:
    """``mask_bce`` of every pair: logits ``(..., n, p)``, targets ``(..., m, p)`` to ``(..., n, m)``."""
    positive, negative = F.softplus(-logits), F.softplus(logits)
    return (positive @ targets.mT + negative @ (1 - targets).mT) / logits.shape[-1]


def pairwise_dice(logits: Tensor, targets: Tensor) -> Tensor:
    """``mask_dice`` of every pair: logits ``(..., n, p)``, targets ``(..., m, p)`` to ``(..., n, m)``."""
    x = logits.sigmoid()
    return 1 - (2 * x @ targets.mT + 1) / (x.sum(-1)[..., None] + targets.sum(-1)[..., None, :] + 1)


def optimal_assignment(cost: Tensor) -> Tensor:
    """Match few things to few: the assignment of least cost, found among all of them.

    Args:
        cost: ``(g, k, k)``, g groups of k <SEG> tokens (rows) and k objects (columns); k is small (an answer's N_o).

    Returns:
        int64 ``(g, k)``: the object of each row.
    """
    k = cost.shape[-1]
    orders = torch.tensor(list(permutations(range(k))), device=cost.device)
    totals = cost[:, torch.arange(k), orders].sum(-1)
    return orders[totals.argmin(-1)]
