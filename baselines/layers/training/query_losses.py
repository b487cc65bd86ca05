"""Matching and losses of ReferFormer, which MUTR trains with as well (Wu et al., CVPR 2022).

Every object of a sentence is one trajectory and is assigned to one query in each decoder layer. Axes: b clips,
each with its own sentence; t frames, q queries, k classes, o objects, h and w rows and columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.layers.nn.boxes import corners, extent_boxes, generalized_iou
from baselines.layers.training.detection_losses import (
    assign,
    dice_loss,
    pairwise_class_cost,
    pairwise_dice_loss,
    pairwise_focal_cost,
    pairwise_giou_cost,
    pairwise_l1_cost,
    sigmoid_focal_loss,
    weighted_sum,
)
from baselines.layers.training.distributed import average_count
from mevis_bench.records import UsageError

MASK_STRIDE = 4
"""Pixels per row and per column of a predicted mask, unless a method says otherwise."""
GIOU_EPSILON = 1e-6

TARGET_MODES = ("union", "per_object")


Refine = Callable[[Tensor], Tensor]
"""Makes refined mask logits ``(t, n, H, W)``, one per pixel, of the queries int64 ``(n,)`` of one clip."""


@dataclass(frozen=True, slots=True, eq=False)
class QueryOutputs:
    """Predictions of the last decoder layer, and of the layers before it.

    Attributes:
        pred_logits: ``(b, t, q, k)``; k is 1 where the only class is "referred to".
        pred_boxes: ``(b, t, q, 4)``, ``cx, cy, w, h`` in shares of the frame without padding.
        pred_masks: Mask logits ``(b, t, q, h, w)``, padding included.
        aux_outputs: The earlier layers, first to last; theirs are empty.
        stride: Pixels per row and per column of ``pred_masks``.
        refine: Refinement of every clip; empty: masks are not refined.
    """

    pred_logits: Tensor
    pred_boxes: Tensor
    pred_masks: Tensor
    aux_outputs: tuple["QueryOutputs", ...] = ()
    stride: int = MASK_STRIDE
    refine: tuple[Refine, ...] = ()

    def after(self, layers: Sequence["QueryOutputs"]) -> "QueryOutputs":
        """Return this layer with the layers before it."""
        return replace(self, aux_outputs=tuple(layers))


@dataclass(frozen=True, slots=True, eq=False)
class QueryTargets:
    """Trajectories that a sentence refers to in a clip; at least one, see `build_targets` for a sentence without.

    Attributes:
        labels: Class per frame, int64 ``(o, t)``; zeros where the only class is "referred to".
        boxes: ``(o, t, 4)``, ``cx, cy, w, h`` in 0..1; zeros in frames without the object.
        masks: 0 or 1, ``(o, t, h, w)`` in pixels of the network's input, without padding.
        valid: bool ``(o, t)``: has the object a box in this frame?
    """

    labels: Tensor
    boxes: Tensor
    masks: Tensor
    valid: Tensor

    def at(self, frame: int) -> "QueryTargets":
        """Select one frame."""
        return QueryTargets(*(getattr(self, field.name)[:, frame : frame + 1] for field in fields(self)))

    def to(self, device: torch.device | str) -> "QueryTargets":
        """Copy all tensors to a device."""
        return QueryTargets(*(getattr(self, field.name).to(device) for field in fields(self)))


@dataclass(frozen=True, slots=True)
class QueryLossConfig:
    """Weights of the losses and of the matching costs, by the names of the authors' options.

    Attributes:
        set_cost_class: Matching cost of the class.
        set_cost_bbox: Matching cost of the L1 distance of the boxes.
        set_cost_giou: Matching cost of their generalized IoU.
        set_cost_mask: Matching cost of the masks' focal loss.
        set_cost_dice: Matching cost of the masks' dice loss.
        cls_loss_coef: Weight of ``loss_ce``.
        bbox_loss_coef: Weight of ``loss_bbox``.
        giou_loss_coef: Weight of ``loss_giou``.
        mask_loss_coef: Weight of ``loss_mask``.
        dice_loss_coef: Weight of ``loss_dice``.
        focal_alpha: Weight of positive cells in the class loss and cost; masks always have 0.25.
    """

    set_cost_class: float = 2.0
    set_cost_bbox: float = 5.0
    set_cost_giou: float = 2.0
    set_cost_mask: float = 2.0
    set_cost_dice: float = 5.0
    cls_loss_coef: float = 2.0
    bbox_loss_coef: float = 5.0
    giou_loss_coef: float = 2.0
    mask_loss_coef: float = 2.0
    dice_loss_coef: float = 5.0
    focal_alpha: float = 0.25


Indices = tuple[Tensor, Tensor]
"""Queries and the objects they are assigned to, int64 ``(n,)`` each; n is the smaller of q and o."""


def build_targets(masks: Tensor, extents: Tensor, mode: str = "union") -> QueryTargets:
    """Make targets of a sentence's objects in a clip.

    Boxes reach from the first to the last column and row of an object, both inclusive as in the original, so an object
    of one column or row has no box. A sentence without an object in the clip gets one object: empty masks, zero boxes,
    valid nowhere.

    Args:
        masks: 0 or 1, ``(o, t, h, w)`` in pixels of the network's input, without padding; o may be 0.
        extents: ``(o, t, 4)``, see ``SampledClip.boxes``.
        mode: ``union``: one target, the union of the objects and one box around all of them (the original's rule);
            ``per_object``: one target per object that appears in the clip.

    Raises:
        UsageError: ``mode`` is neither.
    """
    if mode not in TARGET_MODES:
        raise UsageError(f"invalid targets {mode!r}: expected {' or '.join(TARGET_MODES)}")
    masks = masks > 0
    visible = masks.flatten(1).any(1)
    if mode == "per_object" and bool(visible.any()):
        masks, extents = masks[visible], extents[visible]
    else:
        masks, extents = masks.any(0, keepdim=True), union_extents(extents)
    boxes, valid = extent_boxes(extents, (masks.shape[-2], masks.shape[-1]))
    return QueryTargets(torch.zeros_like(valid, dtype=torch.int64), boxes, masks.float(), valid)


def union_extents(extents: Tensor) -> Tensor:
    """Extents of the union of objects: ``(o, t, 4)`` to ``(1, t, 4)``; without objects zeros, an absent one."""
    if len(extents) == 0:
        return extents.new_zeros(1, *extents.shape[1:])
    return torch.cat((extents[..., :2].amin(0, keepdim=True), extents[..., 2:].amax(0, keepdim=True)), dim=-1)


@torch.no_grad()
def match(outputs: QueryOutputs, targets: list[QueryTargets], config: QueryLossConfig) -> list[Indices]:
    """Assign queries to objects, clip by clip, so that the summed cost is least; with one object: its cheapest query.

    The cost of a query for an object is the weighted sum of the class cost (mean over the object's valid frames), of
    the L1 distance and the negative generalized IoU of the boxes (mean over **all** frames, zero boxes included), and
    of the focal and the dice loss of the masks of the whole clip. An object that is valid nowhere, at which the
    original stops, costs what its masks cost.

    Args:
        outputs: One decoder layer; ``aux_outputs`` is not read.
        targets: One entry per clip.
        config: Weights of the costs.
    """
    found = []
    for clip, target in enumerate(targets):
        masks = target_cells(target, outputs.pred_masks.shape[-2:], outputs.stride)
        logits, boxes = outputs.pred_logits[clip], outputs.pred_boxes[clip]
        labels, target_boxes = target.labels.T, target.boxes.transpose(0, 1)
        valid = target.valid.T[:, None].to(logits.dtype)
        class_cost = (pairwise_class_cost(logits, labels, config.focal_alpha) * valid).sum(0) / valid.sum(0).clamp(
            min=1
        )
        box_cost = config.set_cost_bbox * pairwise_l1_cost(boxes, target_boxes)
        box_cost += config.set_cost_giou * pairwise_giou_cost(boxes, target_boxes, GIOU_EPSILON)
        cells = outputs.pred_masks[clip].transpose(0, 1).flatten(1)
        cost = (
            config.set_cost_class * class_cost
            + box_cost.mean(0) * valid.any(0)
            + config.set_cost_mask * pairwise_focal_cost(cells, masks)
            + config.set_cost_dice * pairwise_dice_loss(cells, masks)
        )
        found.append(assign(cost))
    return found


def compute_losses(outputs: QueryOutputs, targets: list[QueryTargets], config: QueryLossConfig) -> dict[str, Tensor]:
    """Compute the losses of every decoder layer before weighting.

    With N the number of valid frames of all objects of the batch, at least 1:

    - ``loss_ce``: focal loss summed over frames, queries and classes, / N; the class is present only for the assigned
      query in valid frames.
    - ``loss_bbox``, ``loss_giou``: L1 distance and ``1 - GIoU`` of assigned boxes, summed over **all** frames, / N: in
      a frame without the object the box learns to be the zero box. An object that is valid nowhere has none.
    - ``loss_mask``: focal loss, mean over the cells of a clip, / N (so frames divide it twice), ``loss_dice``: dice
      loss over the cells of a clip, / N. Padding counts as background.
    - ``loss_mask_refined``, ``loss_dice_refined``: the same on refined masks, where the method refines them.

    Args:
        outputs: With ``aux_outputs`` for deep supervision.
        targets: One entry per clip.
        config: Weights of the matching costs.

    Returns:
        Scalars; those of layer i before the last have the suffix ``_<i>``.
    """
    num_boxes = average_count(torch.stack([target.valid.sum() for target in targets]).sum())
    losses = {name: value / num_boxes for name, value in _layer_losses(outputs, targets, config).items()}
    for index, layer in enumerate(outputs.aux_outputs):
        parts = _layer_losses(layer, targets, config)
        losses |= {f"{name}_{index}": value / num_boxes for name, value in parts.items()}
    return losses


def total_loss(losses: dict[str, Tensor], config: QueryLossConfig) -> Tensor:
    """Weighted sum of all layers' losses, a scalar."""
    return weighted_sum(losses, loss_weights(config))


def loss_weights(config: QueryLossConfig) -> dict[str, float]:
    """Weight of each loss by its name without the suffix of a layer."""
    return {
        "loss_ce": config.cls_loss_coef,
        "loss_bbox": config.bbox_loss_coef,
        "loss_giou": config.giou_loss_coef,
        "loss_mask": config.mask_loss_coef,
        "loss_dice": config.dice_loss_coef,
        "loss_mask_refined": config.mask_loss_coef,
        "loss_dice_refined": config.dice_loss_coef,
    }


def target_cells(target: QueryTargets, size: Sequence[int], stride: int = MASK_STRIDE) -> Tensor:
    """Pad masks right and bottom to ``size`` cells and take one pixel per cell (of stride 4: 2, 6, 10, ...).

    Returns:
        0 or 1 in float32, ``(o, t * h * w)``.
    """
    height, width = (stride * side for side in size)
    masks = F.pad(target.masks, (0, width - target.masks.shape[-1], 0, height - target.masks.shape[-2]))
    return masks[..., stride // 2 :: stride, stride // 2 :: stride].flatten(1).float()


def _layer_losses(outputs: QueryOutputs, targets: list[QueryTargets], config: QueryLossConfig) -> dict[str, Tensor]:
    """Sums over the batch, not yet divided by N."""
    sums: dict[str, list[Tensor]] = {name: [] for name in loss_weights(config)}
    present = torch.zeros_like(outputs.pred_logits)
    for clip, (queries, objects) in enumerate(match(outputs, targets, config)):
        target = targets[clip]
        boxes, target_boxes = outputs.pred_boxes[clip][:, queries].transpose(0, 1), target.boxes[objects]
        boxed = target.valid[objects].any(1)
        giou = generalized_iou(corners(boxes), corners(target_boxes), GIOU_EPSILON)
        compared = {"": (outputs.pred_masks[clip][:, queries], outputs.stride)}
        if outputs.refine:
            compared["_refined"] = (outputs.refine[clip](queries), 1)
        for suffix, (predicted, stride) in compared.items():
            cells = predicted.transpose(0, 1).flatten(1)
            masks = target_cells(target, predicted.shape[-2:], stride)[objects]
            sums[f"loss_mask{suffix}"].append(sigmoid_focal_loss(cells, masks).mean(1).sum())
            sums[f"loss_dice{suffix}"].append(dice_loss(cells, masks).sum())
        sums["loss_bbox"].append((boxes - target_boxes)[boxed].abs().sum())
        sums["loss_giou"].append((1 - giou)[boxed].sum())
        pair, frame = target.valid[objects].nonzero(as_tuple=True)
        present[clip, frame, queries[pair], target.labels[objects[pair], frame]] = 1
    sums["loss_ce"].append(sigmoid_focal_loss(outputs.pred_logits, present, config.focal_alpha).sum())
    return {name: torch.stack(values).sum() for name, values in sums.items() if values}
