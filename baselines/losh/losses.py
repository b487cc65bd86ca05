"""LoSh's training objective: MTTR's losses on an expression and its shortened form together, and their overlap.

Yuan et al., "Long-Short Text Joint Prediction Network for Referring Video Object Segmentation", CVPR 2024. Axes: t
frames, b clips, each with its own sentence; q queries, h and w rows and columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from baselines.layers.training.detection_losses import assign, weighted_sum
from baselines.mttr import losses as mttr
from baselines.mttr.losses import MttrLossConfig, MttrOutputs, MttrTargets, padded_masks, resize_masks


@dataclass(frozen=True, slots=True)
class LoshLossConfig(MttrLossConfig):
    """Weights, in addition to MTTR's.

    Attributes:
        set_cost_intersection: Matching cost of the overlap.
        intersection_loss_coef: Weight of ``loss_intersection``.
    """

    set_cost_intersection: float = 0.8
    intersection_loss_coef: float = 0.8


def overlaps(long: Tensor, short: Tensor) -> Tensor:
    """Share of the long masks inside the short ones, ``(sum L S + 1) / (sum L + 1)``, mean over the frames.

    Args:
        long: Mask logits for the full expressions, ``(t, q, h, w)``; probabilities up to 0.5 count as 0.
        short: Those for the shortened ones.

    Returns:
        ``(q,)``, 0..1.
    """
    inside, around = (torch.where(x > 0, x.sigmoid(), 0).flatten(2) for x in (long, short))
    return (((inside * around).sum(-1) + 1) / (inside.sum(-1) + 1)).mean(0)


def compute_losses(
    long: MttrOutputs, short: MttrOutputs, targets: Sequence[MttrTargets], config: LoshLossConfig
) -> dict[str, Tensor]:
    """Compute the losses of every decoder layer before weighting.

    One assignment serves both forms: its cost is the sum of MTTR's two costs, minus the overlap of the query's masks.
    Losses are MTTR's, of both forms together, and ``loss_intersection``: 1 minus the mean overlap of assigned queries;
    0 without any.

    Args:
        long: Of the full expressions.
        short: Of the shortened ones.
        targets: One entry per clip.
        config: Weights.

    Returns:
        Scalars; those of layer i before the last have the suffix ``_<i>``.
    """
    losses = _layer_losses(long, short, targets, config)
    for index, pair in enumerate(zip(long.aux_outputs, short.aux_outputs, strict=True)):
        losses |= {f"{name}_{index}": value for name, value in _layer_losses(*pair, targets, config).items()}
    return losses


def total_loss(losses: dict[str, Tensor], config: LoshLossConfig) -> Tensor:
    """Weighted sum of all layers' losses, a scalar."""
    return weighted_sum(losses, {**mttr.loss_weights(config), "loss_intersection": config.intersection_loss_coef})


def _layer_losses(
    long: MttrOutputs, short: MttrOutputs, targets: Sequence[MttrTargets], config: LoshLossConfig
) -> dict[str, Tensor]:
    sizes = [masks.shape[-2:] for masks in padded_masks(targets)]
    shares = [
        overlaps(*(resize_masks(form.pred_masks[:, clip], size) for form in (long, short)))
        for clip, size in enumerate(sizes)
    ]
    costs = zip(*(mttr.matching_costs(form, targets, config) for form in (long, short)), shares, strict=True)
    indices = [assign(one + two - config.set_cost_intersection * share.detach()[:, None]) for one, two, share in costs]
    parts = [mttr.layer_losses(form, targets, indices, config) for form in (long, short)]
    losses = {name: parts[0][name] + parts[1][name] for name in parts[0]}
    assigned = torch.cat([share[queries] for share, (queries, _) in zip(shares, indices, strict=True)])
    losses["loss_intersection"] = 1 - assigned.mean() if len(assigned) else long.pred_masks.sum() * 0
    return losses
