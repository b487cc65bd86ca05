"""Set prediction of trajectory queries at points of cached maps: VITA's criterion of clips, all sentences at once.

Axes: s sentences, q trajectory queries, n objects of a sentence, p points of the clip, shared by its sentences.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from baselines.layers.training.mask_losses import mask_bce, mask_dice, pairwise_bce, pairwise_dice
from baselines.layers.training.set_criterion import NO_OBJECT, OBJECT, Pairs
from baselines.layers.training.trajectory_criterion import TrajectoryConfig


@dataclass(frozen=True, slots=True)
class PointOutputs:
    """Predictions of one decoder layer for the sentences of a clip.

    Attributes:
        logits: Class logits ``(s, q, 2)``.
        masks: Mask logits at the points ``(s, q, p)``.
    """

    logits: Tensor
    masks: Tensor


@torch.no_grad()
def match_points(outputs: PointOutputs, targets: Sequence[Tensor], config: TrajectoryConfig) -> list[Pairs]:
    """Assign queries to the objects of each sentence by the Hungarian method, with the losses as costs.

    Args:
        outputs: Of s sentences.
        targets: 0/1 of each sentence's objects at the points, ``(n, p)``; n is 0 for a sentence without target.
        config: Weights of the costs.
    """
    pairs = []
    scores = outputs.logits.softmax(-1)[..., OBJECT]
    for score, masks, target in zip(scores, outputs.masks, targets, strict=True):
        cost = (
            -config.class_weight * score[:, None]
            + config.mask_weight * pairwise_bce(masks, target)
            + config.dice_weight * pairwise_dice(masks, target)
        )
        rows, columns = linear_sum_assignment(cost.cpu().numpy())
        pairs.append((torch.as_tensor(rows, device=masks.device), torch.as_tensor(columns, device=masks.device)))
    return pairs


def point_losses(
    layers: Sequence[PointOutputs],
    targets: Sequence[Tensor],
    pairs: Sequence[Sequence[Pairs]],
    config: TrajectoryConfig,
) -> dict[str, Tensor]:
    """Losses of the sentences of a clip before weighting, named as those of ``set_prediction_losses``.

    Cross-entropy is the mean over all queries, divided by the sum of the class weights; mask losses are means over the
    matched masks, 0 if there are none.

    Args:
        layers: Predictions of all decoder layers.
        targets: As in ``match_points``.
        pairs: Of each layer.
        config: Weight of "no object".
    """
    losses = {}
    for number, (layer, matched) in enumerate(zip(layers, pairs, strict=True)):
        labels = torch.full(layer.logits.shape[:2], NO_OBJECT, device=layer.logits.device)
        for row, (queries, _) in zip(labels, matched, strict=True):
            row[queries] = OBJECT
        weight = layer.logits.new_tensor((1.0, config.vita_no_object_weight))
        predicted = torch.cat([masks[queries] for masks, (queries, _) in zip(layer.masks, matched, strict=True)])
        truth = torch.cat([target[objects] for target, (_, objects) in zip(targets, matched, strict=True)])
        count = max(1, len(predicted))
        suffix = "" if number == len(layers) - 1 else f"_{number}"
        losses[f"loss_vita_ce{suffix}"] = F.cross_entropy(layer.logits.flatten(0, 1), labels.flatten(), weight)
        losses[f"loss_vita_mask{suffix}"] = mask_bce(predicted, truth).sum() / count
        losses[f"loss_vita_dice{suffix}"] = mask_dice(predicted, truth).sum() / count
    return losses
