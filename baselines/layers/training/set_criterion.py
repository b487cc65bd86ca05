"""Set prediction losses of Mask2Former (CVPR 2022), of frames and, as VITA does (NeurIPS 2022), of whole clips.

Every group of queries is matched to its objects and compared at sampled points. A group is a frame (t = 1) or a clip.
Axes: g groups, q queries, n objects of a group, t frames, h and w of predictions, H and W of targets, p points.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from baselines.layers.training.mask_losses import mask_bce, mask_dice, pairwise_bce, pairwise_dice
from baselines.layers.training.point_sampling import PointSampler, sample_at, uncertain_points

OBJECT, NO_OBJECT = 0, 1
"""Classes of the logits."""

Pairs = tuple[Tensor, Tensor]
"""Matched queries, ascending, and their objects: int64 ``(m,)`` each."""


@dataclass(frozen=True, slots=True)
class SetConfig:
    """Weights of the losses, which are the matching costs' too, and the sampling of points; named as in the configs.

    Attributes:
        class_weight: Of the cross-entropy; as a cost, of the negative probability of class ``OBJECT``.
        mask_weight: Of the binary cross-entropy of masks.
        dice_weight: Of their Dice loss.
        no_object_weight: Of class ``NO_OBJECT`` in the cross-entropy.
        train_num_points: p, per frame.
        oversample_ratio: Candidates of the loss's points, as a multiple of p.
        importance_sample_ratio: Share of the loss's points that are the most uncertain candidates.
    """

    class_weight: float = 2.0
    mask_weight: float = 5.0
    dice_weight: float = 5.0
    no_object_weight: float = 0.1
    train_num_points: int = 12544
    oversample_ratio: float = 3.0
    importance_sample_ratio: float = 0.75


@dataclass(frozen=True, slots=True)
class SetOutputs:
    """Predictions of one decoder layer.

    Attributes:
        logits: Class logits ``(g, q, 2)``.
        masks: Mask logits ``(g, q, t, h, w)``.
    """

    logits: Tensor
    masks: Tensor


@dataclass(frozen=True, slots=True)
class SetLosses:
    """Losses of one decoder layer before weighting, scalars."""

    ce: Tensor
    mask: Tensor
    dice: Tensor


@torch.no_grad()
def match_set(outputs: SetOutputs, targets: Sequence[Tensor], config: SetConfig, sampler: PointSampler) -> list[Pairs]:
    """Assign queries to objects by the Hungarian method, group by group.

    Args:
        outputs: Of g groups.
        targets: Masks 0/1 of each group, ``(n, t, H, W)``; without objects, no query is matched.
        config: Costs and number of points.
        sampler: Draws one row of p points per group (of a group without objects, too); all its frames, predictions
            and targets share them.
    """
    pairs = []
    for logits, masks, target in zip(outputs.logits, outputs.masks, targets, strict=True):
        points = sampler(1, config.train_num_points, masks.device)
        cost = matching_cost(logits, masks, target, points, config)
        queries, objects = linear_sum_assignment(cost.cpu().numpy())
        pairs.append((torch.as_tensor(queries, device=masks.device), torch.as_tensor(objects, device=masks.device)))
    return pairs


def matching_cost(logits: Tensor, masks: Tensor, target: Tensor, points: Tensor, config: SetConfig) -> Tensor:
    """Cost of every query and object of one group.

    Args:
        logits: Class logits ``(q, 2)``.
        masks: Mask logits ``(q, t, h, w)``.
        target: Masks 0/1, ``(n, t, H, W)``.
        points: ``(1, p, 2)``.
        config: Weights of the three costs.

    Returns:
        ``(q, n)``.
    """
    predicted, ground_truth = (_sample_frames(x.float(), points) for x in (masks, target))
    return (
        -config.class_weight * logits.float().softmax(-1)[:, OBJECT, None]
        + config.mask_weight * pairwise_bce(predicted, ground_truth)
        + config.dice_weight * pairwise_dice(predicted, ground_truth)
    )


def _sample_frames(masks: Tensor, points: Tensor) -> Tensor:
    """Sample masks ``(n, t, h, w)`` at ``(1, p, 2)`` in every frame: ``(n, t * p)``."""
    count, frames = masks.shape[:2]
    samples = sample_at(masks.flatten(0, 1), points.expand(count * frames, -1, -1))
    return samples.reshape(count, frames * points.shape[1])


def set_losses(
    outputs: SetOutputs,
    targets: Sequence[Tensor],
    pairs: Sequence[Pairs],
    normalizer: Tensor | float,
    config: SetConfig,
    sampler: PointSampler,
) -> SetLosses:
    """Compare matched queries with their objects, and all queries with their class.

    Cross-entropy is the mean over all queries of all groups, divided by the sum of the class weights. Each matched mask
    draws its own uncertain points in each of its frames; the ``t * p`` points are one vector.

    Args:
        outputs: Of g groups.
        targets: As in ``match_set``.
        pairs: From ``match_set``.
        normalizer: Divides the sums of the mask losses over pairs.
        config: Weight of ``NO_OBJECT`` and sampling of points.
        sampler: Draws ``int(p * oversample_ratio)`` candidates, then the rest, both with one row per matched mask and
            frame, masks first.
    """
    labels = torch.full(outputs.logits.shape[:2], NO_OBJECT, device=outputs.logits.device)
    for row, (queries, _) in zip(labels, pairs, strict=True):
        row[queries] = OBJECT
    weight = outputs.logits.new_tensor((1.0, config.no_object_weight))
    ce = F.cross_entropy(outputs.logits.flatten(0, 1), labels.flatten(), weight)
    predicted = torch.cat([x[queries] for x, (queries, _) in zip(outputs.masks, pairs, strict=True)])
    ground_truth = torch.cat([x[objects] for x, (_, objects) in zip(targets, pairs, strict=True)])
    count = len(predicted)
    predicted, ground_truth = predicted.flatten(0, 1), ground_truth.flatten(0, 1).to(predicted.dtype)
    points = uncertain_points(
        predicted,
        config.train_num_points,
        oversample_ratio=config.oversample_ratio,
        importance_sample_ratio=config.importance_sample_ratio,
        sampler=sampler,
    )
    values = outputs.masks.shape[2] * points.shape[1]
    logits, labels = (sample_at(x, points).reshape(count, values) for x in (predicted, ground_truth))
    return SetLosses(
        ce=ce,
        mask=mask_bce(logits, labels).sum() / normalizer,
        dice=mask_dice(logits, labels).sum() / normalizer,
    )
