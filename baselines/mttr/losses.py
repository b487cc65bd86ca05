"""MTTR's training objective (Botach et al., CVPR 2022): every annotated object has a query.

Axes: t frames, b clips, each with its own sentence; q queries, o annotated objects of a clip, h and w rows and columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.layers.training.detection_losses import (
    assign,
    dice_loss,
    pairwise_dice_loss,
    sigmoid_focal_loss,
    weighted_sum,
)
from baselines.layers.training.distributed import average_count
from mevis_bench.records import UsageError

TARGET_MODES = ("union", "per_object")
REFERRED, OTHER = 0, 1
"""Classes of ``pred_is_referred``."""


@dataclass(frozen=True, slots=True, eq=False)
class MttrOutputs:
    """Predictions of the last decoder layer, and of the layers before it.

    Attributes:
        pred_masks: Mask logits ``(t, b, q, h, w)`` at stride 4, padding included.
        pred_is_referred: Logits of being the referred object and of not being it, ``(t, b, q, 2)``.
        aux_outputs: The earlier layers, first to last; theirs are empty.
    """

    pred_masks: Tensor
    pred_is_referred: Tensor
    aux_outputs: tuple["MttrOutputs", ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class MttrTargets:
    """Objects of a clip that are annotated, whether a sentence refers to them or not.

    Attributes:
        masks: 0 or 1, ``(t, o, h, w)`` in pixels of the network's input, without padding; o may be 0.
        referred: bool ``(t, o)``: does the sentence refer to the object, and is it visible in this frame?
        is_ref_inst: bool ``(o,)``: does the sentence refer to the object at all?
    """

    masks: Tensor
    referred: Tensor
    is_ref_inst: Tensor


@dataclass(frozen=True, slots=True)
class MttrLossConfig:
    """Weights of the losses and of the matching costs, by the names of the authors' configuration.

    Attributes:
        set_cost_is_referred: Matching cost of the class.
        set_cost_dice: Matching cost of the masks.
        is_referred_loss_coef: Weight of ``loss_is_referred``.
        sigmoid_focal_loss_coef: Weight of ``loss_sigmoid_focal``.
        dice_loss_coef: Weight of ``loss_dice``.
        eos_coef: Weight, in ``loss_is_referred``, of a query without a referred object.
    """

    set_cost_is_referred: float = 2.0
    set_cost_dice: float = 5.0
    is_referred_loss_coef: float = 2.0
    sigmoid_focal_loss_coef: float = 2.0
    dice_loss_coef: float = 5.0
    eos_coef: float = 0.1


Indices = tuple[Tensor, Tensor]
"""Queries and the objects they are assigned to, int64 ``(n,)`` each; n is the smaller of q and o."""


def build_targets(masks: Tensor, is_ref_inst: Tensor, mode: str = "union") -> MttrTargets:
    """Make targets of the annotated objects of a clip; objects that appear nowhere in it are left out.

    The original has room for one referred object. Without a referred object (or where it is not in the clip, a window
    that the original skips) the others stay and no query is the referred one.

    Args:
        masks: 0 or 1, ``(t, o, h, w)``.
        is_ref_inst: bool ``(o,)``, the objects that the sentence refers to.
        mode: ``union``: the referred objects become one, the first of the targets; ``per_object``: each stays an object
            of its own with class "referred".

    Raises:
        UsageError: ``mode`` is neither.
    """
    if mode not in TARGET_MODES:
        raise UsageError(f"invalid targets {mode!r}: expected {' or '.join(TARGET_MODES)}")
    masks = masks > 0
    if mode == "union":
        masks = torch.cat((masks[:, is_ref_inst].any(1, keepdim=True), masks[:, ~is_ref_inst]), 1)
        is_ref_inst = torch.arange(masks.shape[1], device=masks.device) == 0
    visible = masks.flatten(2).any(2)
    present = visible.any(0)
    referred = visible[:, present] & is_ref_inst[present]
    return MttrTargets(masks[:, present].float(), referred, is_ref_inst[present])


@torch.no_grad()
def matching_costs(outputs: MttrOutputs, targets: Sequence[MttrTargets], config: MttrLossConfig) -> list[Tensor]:
    """Costs of assigning query trajectories to object trajectories, clip by clip: ``(q, o)`` each.

    The cost is the weighted sum of two means over the frames: of the negative probability of the object's class
    ("referred" for a referred object where it is visible, else "not referred"), and of the negative dice coefficient of
    the masks, which are scaled to the size of the targets with the padding of the batch.

    Args:
        outputs: One decoder layer; ``aux_outputs`` is not read.
        targets: One entry per clip.
        config: Weights of the costs.
    """
    costs = []
    for clip, (target, masks) in enumerate(zip(targets, padded_masks(targets), strict=True)):
        probability = outputs.pred_is_referred[:, clip].softmax(-1)
        classes = torch.where(target.referred[:, None], probability[..., REFERRED, None], probability[..., OTHER, None])
        dice = torch.zeros(probability.shape[1], masks.shape[1], device=masks.device)
        for frame, cells in enumerate(masks.flatten(2)):  # frame by frame: every query at full size
            logits = resize_masks(outputs.pred_masks[frame, clip, None], masks.shape[-2:])
            dice += pairwise_dice_loss(logits[0].flatten(1), cells) / len(masks)
        costs.append(config.set_cost_is_referred * -classes.mean(0) + config.set_cost_dice * (dice - 1))
    return costs


def match(outputs: MttrOutputs, targets: Sequence[MttrTargets], config: MttrLossConfig) -> list[Indices]:
    """Assign query trajectories to object trajectories by `matching_costs` (Hungarian algorithm)."""
    return [assign(cost) for cost in matching_costs(outputs, targets, config)]


def compute_losses(outputs: MttrOutputs, targets: Sequence[MttrTargets], config: MttrLossConfig) -> dict[str, Tensor]:
    """Compute the losses of every decoder layer before weighting.

    With M the number of masks of all frames and clips, those without a pixel included, averaged over the processes, at
    least 1:

    - ``loss_sigmoid_focal``: focal loss of assigned masks, mean over the pixels of a frame, / M; ``loss_dice``: dice
      loss per frame and object, / M. Predictions are scaled to the padded size of the targets; padding is background.
    - ``loss_is_referred``: cross-entropy summed over frames, clips and queries, / (t * b). The class is "referred" only
      for the query of a referred object where that is visible; that query has weight 1 in all frames, the others
      ``eos_coef``.

    Args:
        outputs: With ``aux_outputs`` for deep supervision; not changed (the original's criterion empties them).
        targets: One entry per clip.
        config: Weights of the matching costs, and ``eos_coef``.

    Returns:
        Scalars; those of layer i before the last have the suffix ``_<i>``.
    """
    losses = layer_losses(outputs, targets, match(outputs, targets, config), config)
    for index, layer in enumerate(outputs.aux_outputs):
        parts = layer_losses(layer, targets, match(layer, targets, config), config)
        losses |= {f"{name}_{index}": value for name, value in parts.items()}
    return losses


def total_loss(losses: dict[str, Tensor], config: MttrLossConfig) -> Tensor:
    """Weighted sum of all layers' losses, a scalar."""
    return weighted_sum(losses, loss_weights(config))


def loss_weights(config: MttrLossConfig) -> dict[str, float]:
    """Weight of each loss by its name without the suffix of a layer."""
    return {
        "loss_sigmoid_focal": config.sigmoid_focal_loss_coef,
        "loss_dice": config.dice_loss_coef,
        "loss_is_referred": config.is_referred_loss_coef,
    }


def padded_masks(targets: Sequence[MttrTargets]) -> list[Tensor]:
    """Masks of every clip, padded right and bottom to the largest of the batch: ``(t, o, h, w)`` each."""
    height, width = (max(target.masks.shape[axis] for target in targets) for axis in (-2, -1))
    return [
        F.pad(target.masks, (0, width - target.masks.shape[-1], 0, height - target.masks.shape[-2])).float()
        for target in targets
    ]


def layer_losses(
    outputs: MttrOutputs, targets: Sequence[MttrTargets], indices: Sequence[Indices], config: MttrLossConfig
) -> dict[str, Tensor]:
    """Losses of one decoder layer with an assignment; see `compute_losses`."""
    frames, clips, queries, _ = outputs.pred_is_referred.shape
    log_probability = outputs.pred_is_referred.log_softmax(-1)
    is_referred = torch.zeros(frames, clips, queries, dtype=torch.bool, device=log_probability.device)
    weight = torch.full_like(log_probability[..., 0], config.eos_coef)
    focal, dice = [], []
    matched = zip(indices, targets, padded_masks(targets), strict=True)
    for clip, ((selected, objects), target, masks) in enumerate(matched):
        logits = resize_masks(outputs.pred_masks[:, clip, selected], masks.shape[-2:]).flatten(2)
        cells = masks[:, objects].flatten(2)
        focal.append(sigmoid_focal_loss(logits, cells).mean(2).sum())
        dice.append(dice_loss(logits, cells).sum())
        is_referred[:, clip, selected] = target.referred[:, objects]
        weight[:, clip, selected[target.is_ref_inst[objects]]] = 1
    entropy = -torch.where(is_referred, log_probability[..., REFERRED], log_probability[..., OTHER])
    num_masks = average_count(
        weight.new_tensor(sum(target.masks.shape[0] * target.masks.shape[1] for target in targets))
    )
    return {
        "loss_sigmoid_focal": torch.stack(focal).sum() / num_masks,
        "loss_dice": torch.stack(dice).sum() / num_masks,
        "loss_is_referred": (weight * entropy).sum() / average_count(weight.new_tensor(float(frames * clips))),
    }


def resize_masks(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Scale mask logits ``(t, q, h, w)`` bilinearly to ``size``; q may be 0."""
    if logits.shape[1] == 0:
        return logits.new_zeros(*logits.shape[:2], *size)
    return F.interpolate(logits, size=tuple(size), mode="bilinear", align_corners=False)
