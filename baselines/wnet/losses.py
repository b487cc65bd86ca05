"""WNet's training objective (Pan et al., CVPR 2022): one query per frame, so nothing is matched by cost.

Axes: b clips, each with its own sentence; t frames of a clip and as many queries; m annotated frames of a clip, all t
of them or 1; n tokens, c channels, h and w rows and columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.layers.nn.boxes import corners, extent_boxes, generalized_iou
from baselines.layers.training.detection_losses import dice_loss, sigmoid_focal_loss, weighted_sum
from baselines.layers.training.distributed import average_count
from baselines.layers.training.query_losses import union_extents
from baselines.wnet.model import WNetOutputs

GIOU_EPSILON = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class WNetTargets:
    """One object in the annotated frames of a clip.

    Attributes:
        boxes: ``(m, 4)``, ``cx, cy, w, h`` in 0..1; zeros in frames without the object.
        masks: 0 or 1, ``(m, h, w)`` in pixels of the network's input, without padding.
        valid: bool ``(m,)``: is the object in this frame?
    """

    boxes: Tensor
    masks: Tensor
    valid: Tensor


@dataclass(frozen=True, slots=True)
class WNetLossConfig:
    """Weights of the losses, by the names of the authors' options.

    Attributes:
        bbox_loss_coef: Weight of ``loss_bbox``.
        giou_loss_coef: Weight of ``loss_giou``.
        mask_loss_coef: Weight of ``loss_mask``.
        dice_loss_coef: Weight of ``loss_dice``.
        kl_loss_coef: Weight of ``loss_kl``.
    """

    bbox_loss_coef: float = 7.5
    giou_loss_coef: float = 3.0
    mask_loss_coef: float = 1.0
    dice_loss_coef: float = 1.0
    kl_loss_coef: float = 500.0


Indices = tuple[Tensor, Tensor]
"""Queries and the entries of the targets that are theirs, int64, as many as the clip has valid frames."""


def build_targets(masks: Tensor, extents: Tensor) -> WNetTargets:
    """Make targets of a sentence's objects in a clip: their union, because a frame has a single query.

    Boxes reach from the first to the last column and row of an object, both inclusive; one of one column or row has
    no box and its frame is not valid. A sentence without an object is valid in no frame.

    Args:
        masks: 0 or 1, ``(o, t, h, w)`` in pixels of the network's input; o may be 0.
        extents: ``(o, t, 4)``, see ``SampledClip.boxes``.
    """
    union = (masks > 0).any(0)
    boxes, valid = extent_boxes(union_extents(extents)[0], (masks.shape[-2], masks.shape[-1]))
    return WNetTargets(boxes, union.float(), valid)


def match(outputs: WNetOutputs, targets: Sequence[WNetTargets]) -> list[Indices]:
    """Pair query j with frame j, clip by clip, in valid frames; the middle query with the only annotated frame."""
    frames = outputs.pred_boxes.shape[1]
    found = []
    for target in targets:
        (entries,) = target.valid.nonzero(as_tuple=True)
        found.append((entries + (frames - 1) // 2 if len(target.valid) == 1 else entries, entries))
    return found


def compute_losses(outputs: WNetOutputs, targets: Sequence[WNetTargets]) -> dict[str, Tensor]:
    """Compute the losses before weighting.

    With N the number of annotated frames of the batch, **those without the object included**, averaged over the
    processes, at least 1:

    - ``loss_bbox``, ``loss_giou``: L1 distance and ``1 - GIoU`` of the boxes in valid frames, / N, for every decoder
      layer.
    - ``loss_mask``: focal loss in valid frames, mean over pixels, / N; ``loss_dice``: dice loss per frame, / N.
      Predictions are scaled to the size of the targets with the padding of the batch; padding is background.
    - ``loss_kl``: divergence of ``memory`` from ``fusion`` over the channels, mean over tokens, clips **and channels**.

    A batch without a valid frame learns by ``loss_kl`` alone (the original compares masks with themselves there).

    Args:
        outputs: With ``aux_boxes`` for deep supervision.
        targets: One entry per clip.

    Returns:
        Scalars; those of layer i before the last have the suffix ``_<i>``.
    """
    count = average_count(outputs.pred_boxes.new_tensor(sum(len(target.valid) for target in targets)))
    indices = match(outputs, targets)
    height, width = (max(target.masks.shape[axis] for target in targets) for axis in (-2, -1))
    logits = torch.cat([outputs.pred_masks[clip, queries] for clip, (queries, _) in enumerate(indices)])
    masks = torch.cat(
        [
            F.pad(target.masks[entries], (0, width - target.masks.shape[-1], 0, height - target.masks.shape[-2]))
            for target, (_, entries) in zip(targets, indices, strict=True)
        ]
    ).flatten(1)
    scaled = F.interpolate(logits[:, None], size=(height, width), mode="bilinear", align_corners=False).flatten(1)
    losses = {
        "loss_kl": _divergence(outputs.memory, outputs.fusion),
        "loss_mask": sigmoid_focal_loss(scaled, masks.float()).mean(1).sum() / count,
        "loss_dice": dice_loss(scaled, masks.float()).sum() / count,
    }
    for suffix, boxes in [("", outputs.pred_boxes), *((f"_{i}", boxes) for i, boxes in enumerate(outputs.aux_boxes))]:
        predicted = torch.cat([boxes[clip, queries] for clip, (queries, _) in enumerate(indices)])
        boxes = torch.cat([target.boxes[entries] for target, (_, entries) in zip(targets, indices, strict=True)])
        losses[f"loss_bbox{suffix}"] = (predicted - boxes).abs().sum() / count
        giou = generalized_iou(corners(predicted), corners(boxes), GIOU_EPSILON)
        losses[f"loss_giou{suffix}"] = (1 - giou).sum() / count
    return losses


def total_loss(losses: dict[str, Tensor], config: WNetLossConfig) -> Tensor:
    """Weighted sum of all losses, a scalar."""
    return weighted_sum(losses, loss_weights(config))


def loss_weights(config: WNetLossConfig) -> dict[str, float]:
    """Weight of each loss by its name without the suffix of a layer."""
    return {
        "loss_bbox": config.bbox_loss_coef,
        "loss_giou": config.giou_loss_coef,
        "loss_mask": config.mask_loss_coef,
        "loss_dice": config.dice_loss_coef,
        "loss_kl": config.kl_loss_coef,
    }


def _divergence(memory: Tensor, fusion: Tensor) -> Tensor:
    """Kullback-Leibler divergence of softmax(memory) from softmax(fusion), mean over all elements; both learn."""
    targets = fusion.log_softmax(-1)
    return (targets.exp() * (targets - memory.log_softmax(-1))).mean()
