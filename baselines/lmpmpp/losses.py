"""Losses of LMPM++: equations 1 and 2 of the paper, and the cost of matching <SEG> tokens to objects.

Axes: n predicted and m ground-truth masks, p pixels (or sampled points), a anchors, s <SEG> tokens, d channels.
"""

from collections.abc import Mapping
from itertools import permutations

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.layers.training.mask_losses import pairwise_bce, pairwise_dice

LOSS_WEIGHTS: Mapping[str, float] = {"txt": 1.0, "bce": 2.0, "dice": 0.5, "con": 0.3}
"""lambda_txt, lambda_bce, lambda_dice, lambda_con (Implementation Details)."""


def total_loss(losses: Mapping[str, Tensor], weights: Mapping[str, float] = LOSS_WEIGHTS) -> Tensor:
    """Equation 2: L = lambda_txt L_txt + lambda_bce L_bce + lambda_dice L_dice + lambda_con L_con.

    Where the terms come from, and how their means are taken, which the paper leaves open:

    - paper (``train.compute_loss``): all four are means over the clips of a step. A clip without target counts with
      L_bce = L_dice = 0.
    - mini, stages 5 and 6 (``mini.training.stage_language``): L_bce and L_dice are means over the masks of a step, so
      that a sentence without target does not count in them. A fifth term ``con_trajectories``, equation 1 over
      trajectories, has the weight lambda_con as well.
    - mini, stage 3 (``mini.training.stage_alignment``): the same sum, but L_bce classifies (sentence, track) pairs and
      has weight 1.

    Args:
        losses: Terms by name; a term that is missing is left out of the sum (L_con in row (ii) of Table 4).
        weights: At least a weight for each term.
    """
    return torch.stack([weights[name] * value for name, value in losses.items()]).sum()


def temporal_contrastive_loss(
    anchors: Tensor, tokens: Tensor, positives: Tensor, negatives: Tensor, temperature: float
) -> Tensor:
    """Equation 1: multi-positive supervised contrastive loss between prompts and <SEG> tokens.

    For anchor a with positives P and negatives N:
    ``-1/|P| Σ_{a+ in P} log( exp(<a, a+>/tau) / Σ_{a' in P, N} exp(<a, a'>/tau) )``. The paper leaves open: <.,.> is
    the cosine here, and the loss is the mean over the anchors that have a positive.

    Args:
        anchors: Text or audio embeddings, ``(a, d)``.
        tokens: <SEG> embeddings, disrupted ones included, ``(s, d)``.
        positives: bool ``(a, s)``, P of each anchor.
        negatives: bool ``(a, s)``, N of each anchor; tokens in neither P nor N are ignored.
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


def mask_matching_cost(logits: Tensor, targets: Tensor, weights: Mapping[str, float] = LOSS_WEIGHTS) -> Tensor:
    """Matching cost of every pair of a predicted and a ground-truth mask: ``weights["bce"]`` BCE + ``["dice"]`` Dice.

    Args:
        logits: ``(..., n, p)``.
        targets: 0..1, ``(..., m, p)``.
        weights: Those of equation 2 unless another loss is matched.

    Returns:
        ``(..., n, m)``.
    """
    return weights["bce"] * pairwise_bce(logits, targets) + weights["dice"] * pairwise_dice(logits, targets)


def optimal_assignment(cost: Tensor) -> Tensor:
    """Batched one-to-one assignment of least total cost, by enumerating all permutations.

    Args:
        cost: ``(g, k, k)``, g groups of k <SEG> tokens (rows) and k objects (columns); k is small (N_o).

    Returns:
        int64 ``(g, k)``: the object of each <SEG> token.
    """
    k = cost.shape[-1]
    assignments = torch.tensor(list(permutations(range(k))), device=cost.device)
    totals = cost[:, torch.arange(k), assignments].sum(-1)
    return assignments[totals.argmin(-1)]
