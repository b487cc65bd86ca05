"""Stage 2: the detection head learns the box of every object that a query of the frozen extractor is matched to.

Axes: t frames, m objects (or pairs of a query and an object), h and w rows and columns, c channels of an object
embedding.
"""

import torch
from torch import Tensor

from baselines.layers.nn.boxes import generalized_iou, masks_to_boxes
from baselines.lmpmpp.extractor import LanguageGuidedExtractor
from baselines.lmpmpp.mini.detection_head import DetectionHead, normalize_boxes
from baselines.lmpmpp.mini.tracker import mask_boxes
from baselines.lmpmpp.mini.training.stage_extractor import evaluation_batches, match_queries
from baselines.lmpmpp.mini.training.training_cache import TrainingCache

BOX_WEIGHT, GIOU_WEIGHT = 5.0, 2.0
"""DETR's loss weights (Carion et al., ECCV 2020)."""


@torch.no_grad()
def matched_objects(
    extractor: LanguageGuidedExtractor, frames: Tensor, masks: list[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Match queries to the objects of frames.

    Args:
        extractor: Frozen.
        frames: ``(t, 3, h, w)``, 0..255.
        masks: Ground truth per frame, float ``(m_t, h, w)``.

    Returns:
        Embeddings of the matched queries ``(m, c)``, the normalized boxes of their masks ``(m, 4)`` as the detection
        head takes them, and ground-truth boxes ``(m, 4)``, see ``masks_to_boxes``.
    """
    outputs = extractor(frames)[-1]
    embeddings, predicted, targets = [], [], []
    for frame, (queries, objects) in enumerate(match_queries(outputs, masks)):
        boxes, _ = mask_boxes(outputs.mask_logits[frame][queries].sigmoid())
        embeddings.append(outputs.embeddings[frame][queries])
        predicted.append(normalize_boxes(boxes, frames.shape[-2:]))
        targets.append(masks_to_boxes(masks[frame][objects]))
    return torch.cat(embeddings), torch.cat(predicted), torch.cat(targets)


def box_losses(boxes: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """DETR's box losses of matched pairs, both ``(m, 4)`` x0, y0, x1, y1; means over the pairs, 0 without pairs.

    Returns:
        ``l1``, ``giou`` (1 - generalized IoU, Rezatofighi et al., CVPR 2019) and their weighted sum ``loss``.
    """
    count = max(1, len(boxes))
    l1 = (boxes - targets).abs().sum() / count
    giou = (1 - generalized_iou(boxes, targets)).sum() / count
    return {"loss": BOX_WEIGHT * l1 + GIOU_WEIGHT * giou, "l1": l1, "giou": giou}


@torch.no_grad()
def evaluate_boxes(
    extractor: LanguageGuidedExtractor, head: DetectionHead, cache: TrainingCache, count: int, seed: int, device: str
) -> dict[str, float]:
    """Mean generalized IoU with the ground-truth boxes (``giou``) on ``count`` frames of a split."""
    values = []
    for frames, masks in evaluation_batches(cache, count, seed, device):
        embeddings, predicted, targets = matched_objects(extractor, frames, masks)
        values.append(generalized_iou(head(embeddings, predicted), targets))
    return {"giou": float(torch.cat(values).mean())}
