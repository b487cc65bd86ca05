"""SOC's training objective: every object of a clip has a query, and the sentence's is found among the cluster's.

Luo et al., "SOC: Semantic-Assisted Object Cluster for Referring Video Object Segmentation", NeurIPS 2023, section 3.5.
Axes: n decoder layers, t frames, q queries, k classes, o objects, h and w rows and columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.layers.nn.boxes import corners, extent_boxes, generalized_iou
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import ClipLevels
from baselines.layers.training.clip_sampling import mask_extents
from baselines.layers.training.detection_losses import (
    assign,
    dice_loss,
    pairwise_class_cost,
    pairwise_dice_loss,
    pairwise_giou_cost,
    pairwise_l1_cost,
    sigmoid_focal_loss,
    weighted_sum,
)
from baselines.layers.training.distributed import average_count
from baselines.layers.training.query_losses import GIOU_EPSILON, MASK_STRIDE
from baselines.layers.training.query_training import Predicted
from baselines.mttr.losses import MttrTargets, build_targets, resize_masks
from baselines.soc.model import Soc

COSTS = {"class": 2.0, "dice": 5.0, "bbox": 2.0, "giou": 2.0}
WEIGHTS = {
    "loss_ce": 2.0,
    "loss_mask": 2.0,
    "loss_dice": 5.0,
    "loss_bbox": 2.0,
    "loss_giou": 2.0,
    "loss_contrastive": 1.0,
}


@dataclass(frozen=True, slots=True, eq=False)
class LayerOutputs:
    """Predictions of one decoder layer for one sentence in one clip.

    Attributes:
        logits: ``(t, q, k)``.
        boxes: ``(t, q, 4)``, ``cx, cy, w, h`` in shares of the frame without padding.
        masks: Mask logits ``(t, q, h, w)`` at stride 4, padding included.
        likeness: Of every object of the cluster to the sentence, ``(q,)``.
    """

    logits: Tensor
    boxes: Tensor
    masks: Tensor
    likeness: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class ObjectTargets:
    """Objects of a clip, whether the sentence refers to them or not.

    Attributes:
        objects: As MTTR has them.
        boxes: ``(t, o, 4)``, ``cx, cy, w, h`` in shares of the frame; zeros in frames without the object.
    """

    objects: MttrTargets
    boxes: Tensor

    @classmethod
    def of(cls, objects: MttrTargets) -> "ObjectTargets":
        """Add the boxes around the masks."""
        extents = torch.from_numpy(mask_extents(objects.masks.cpu().numpy().astype(np.uint8)))
        boxes, _ = extent_boxes(extents, (objects.masks.shape[-2], objects.masks.shape[-1]))
        return cls(objects, boxes.to(objects.masks.device))


def predict_layers(network: Soc, clip: ClipLevels, text: tuple[Words, Tensor]) -> list[LayerOutputs]:
    """Predict for one sentence in one clip with every decoder layer, each with the objects of its own queries."""
    words, sentence = text
    found = network.find(clip, words)
    gathered = network.voc(found.states, sentence)
    likeness = gathered @ network.describe(clip, words) / gathered.shape[-1]
    outputs, reference = [], found.first_reference
    for layer, (states, objects) in enumerate(zip(found.states, gathered, strict=True)):
        states = states + objects
        logits, boxes = network.classify(layer, states, reference)
        masks = network.draw(clip, found, states, found.boxes[layer, ..., :2].detach())
        outputs.append(LayerOutputs(logits, boxes, masks, likeness[layer]))
        reference = found.boxes[layer].detach()
    return outputs


def object_objective(predicted: Sequence[Predicted], mode: str, device: str) -> dict[str, Tensor]:
    """Losses of `predict_layers`; objects of a clip are those of all sentences of its video."""
    targets = [sentence_objects(one, mode, device) for one in predicted]
    losses = compute_losses([one.outputs for one in predicted], targets)
    return {"loss": weighted_sum(losses, WEIGHTS), **losses}


def sentence_objects(predicted: Predicted, mode: str, device: str) -> ObjectTargets:
    """Make the targets of a sentence."""
    clip = predicted.clip
    referred = torch.zeros(len(clip.masks), dtype=torch.bool)
    referred[list(predicted.sentence.objects)] = True
    masks = torch.from_numpy(np.ascontiguousarray(clip.masks)).transpose(0, 1)
    return ObjectTargets.of(build_targets(masks.to(device), referred.to(device), mode))


@torch.no_grad()
def match(outputs: LayerOutputs, target: ObjectTargets) -> tuple[Tensor, Tensor]:
    """Assign query trajectories to object trajectories; the mean cost over the frames is least.

    Costs are weighted by ``COSTS``: of the class (mean over the frames that show the object), the negative dice
    coefficient of the masks, the L1 distance and the negative generalized IoU of the boxes.

    Returns:
        Queries and objects, int64 ``(n,)`` each.
    """
    masks = target_pixels(target, outputs.masks)
    visible = masks.flatten(2).any(2).to(outputs.logits.dtype)
    labels = torch.zeros(visible.shape, dtype=torch.int64, device=masks.device)
    classes = pairwise_class_cost(outputs.logits, labels) * visible[:, None]
    costs = COSTS["class"] * classes.sum(0) / visible.sum(0).clamp(min=1)
    for frame, logits in enumerate(resize_masks(outputs.masks, masks.shape[-2:])):
        dice = pairwise_dice_loss(logits.flatten(1), masks[frame].flatten(1)) - 1
        costs += COSTS["dice"] * dice / len(masks)
    costs += COSTS["bbox"] * pairwise_l1_cost(outputs.boxes, target.boxes).mean(0)
    costs += COSTS["giou"] * pairwise_giou_cost(outputs.boxes, target.boxes, GIOU_EPSILON).mean(0)
    return assign(costs)


def compute_losses(outputs: Sequence[Sequence[LayerOutputs]], targets: Sequence[ObjectTargets]) -> dict[str, Tensor]:
    """Compute the losses of every decoder layer before weighting.

    With N the number of masks of all frames and sentences, those without a pixel included, at least 1:

    - ``loss_ce``: focal loss summed over frames, queries and classes, / N; the class is present only for the query of a
      referred object in the frames that show it.
    - ``loss_mask``: focal loss, mean over the pixels of a frame, / N; ``loss_dice``: dice loss per frame, / N.
    - ``loss_bbox``, ``loss_giou``: L1 distance and ``1 - GIoU`` of assigned boxes, all frames, / N.
    - ``loss_contrastive``: cross-entropy of the likenesses for the queries of referred objects, mean over them.

    Args:
        outputs: Per sentence, of every layer.
        targets: One entry per sentence.

    Returns:
        Scalars; those of layer i before the last have the suffix ``_<i>``.
    """
    *earlier, last = zip(*outputs, strict=True)
    losses = _layer_losses(last, targets)
    for index, layer in enumerate(earlier):
        losses |= {f"{name}_{index}": value for name, value in _layer_losses(layer, targets).items()}
    return losses


def target_pixels(target: ObjectTargets, masks: Tensor) -> Tensor:
    """Pad target masks right and bottom to the pixels of predicted ones ``(t, q, h, w)``: 0 or 1, ``(t, o, H, W)``."""
    height, width = (MASK_STRIDE * side for side in masks.shape[-2:])
    known = target.objects.masks
    return F.pad(known, (0, width - known.shape[-1], 0, height - known.shape[-2]))


def _layer_losses(outputs: Sequence[LayerOutputs], targets: Sequence[ObjectTargets]) -> dict[str, Tensor]:
    sums: dict[str, list[Tensor]] = {name: [] for name in WEIGHTS}
    for layer, target in zip(outputs, targets, strict=True):
        queries, objects = match(layer, target)
        pixels = target_pixels(target, layer.masks)[:, objects]
        masks = resize_masks(layer.masks[:, queries], pixels.shape[-2:])
        present = torch.zeros_like(layer.logits)
        present[:, queries, 0] = target.objects.referred[:, objects].to(present.dtype)
        boxes, known = layer.boxes[:, queries], target.boxes[:, objects]
        referred = queries[target.objects.is_ref_inst[objects]]
        sums["loss_ce"].append(sigmoid_focal_loss(layer.logits, present).sum())
        sums["loss_mask"].append(sigmoid_focal_loss(masks.flatten(2), pixels.flatten(2)).mean(2).sum())
        sums["loss_dice"].append(dice_loss(masks.flatten(2), pixels.flatten(2)).sum())
        sums["loss_bbox"].append((boxes - known).abs().sum())
        sums["loss_giou"].append((1 - generalized_iou(corners(boxes), corners(known), GIOU_EPSILON)).sum())
        sums["loss_contrastive"].append(-layer.likeness.log_softmax(0)[referred].sum())
    masks_count = average_count(
        outputs[0].masks.new_tensor(sum(target.boxes.shape[0] * target.boxes.shape[1] for target in targets))
    )
    referred_count = sum(int(target.objects.is_ref_inst.sum()) for target in targets)
    losses = {name: torch.stack(values).sum() / masks_count for name, values in sums.items()}
    losses["loss_contrastive"] = torch.stack(sums["loss_contrastive"]).sum() / max(1, referred_count)
    return losses
