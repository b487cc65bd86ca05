"""Stage 2: the detection head learns the box of every object that a query of the frozen extractor shows.

Axes: m objects (or pairs of a query and an object), h and w rows and columns, c channels of an object embedding.
"""

import numpy as np
import torch
from torch import Tensor

from baselines.layers.nn.boxes import boxes_of, generalized_iou
from baselines.lmpmpp.extractor import LanguageGuidedExtractor
from baselines.lmpmpp.mini.detection_head import DetectionHead, in_shares
from baselines.lmpmpp.mini.tracker import mask_boxes
from baselines.lmpmpp.mini.training.stage_extractor import match, object_masks
from baselines.lmpmpp.mini.training.training_cache import TrainingCache

BOX_WEIGHT, GIOU_WEIGHT = 5.0, 2.0
"""DETR's loss weights (Carion et al., ECCV 2020)."""


@torch.no_grad()
def matched_objects(
    extractor: LanguageGuidedExtractor, frames: Tensor, masks: list[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Find the objects of frames ``(t, 3, h, w)``, of which ``masks`` holds the true ones, float ``(m_t, h, w)``.

    Returns:
        Of the matched queries the embeddings ``(m, c)`` and the boxes their masks suggest ``(m, 4)``, as the detection
        head takes them; and true boxes ``(m, 4)``, see ``boxes_of``.
    """
    said = extractor(frames)[-1]
    pairs = match(said, masks)
    found = [(said.embeddings[t][q], in_shares(mask_boxes(said.mask_logits[t][q].sigmoid())[0], frames.shape[-2:]))
             for t, (q, _) in enumerate(pairs)]  # fmt: skip
    embeddings, suggested = (torch.cat(parts) for parts in zip(*found, strict=True))
    return embeddings, suggested, torch.cat([boxes_of(masks[t][objects]) for t, (_, objects) in enumerate(pairs)])


def box_losses(boxes: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """DETR's box losses of matched pairs: both ``(m, 4)`` as corners; means over the pairs, 0 where there are none.

    Returns:
        ``l1``, ``giou`` (1 - generalized IoU, Rezatofighi et al., CVPR 2019) and their weighted sum ``loss``.
    """
    count = max(1, len(boxes))
    l1 = (boxes - targets).abs().sum() / count
    giou = (1 - generalized_iou(boxes, targets)).sum() / count
    return {"loss": BOX_WEIGHT * l1 + GIOU_WEIGHT * giou, "l1": l1, "giou": giou}


@torch.no_grad()
def box_quality(
    extractor: LanguageGuidedExtractor, head: DetectionHead, cache: TrainingCache, count: int, seed: int, device: str
) -> dict[str, float]:
    """Mean generalized IoU with the true boxes (``giou``) on ``count`` frames of a split."""
    chosen = np.sort(
        np.random.default_rng(seed).choice(len(cache.frames), min(count, len(cache.frames)), replace=False)
    )
    values = []
    for part in np.array_split(chosen, max(1, len(chosen) // 16)):
        frames = torch.from_numpy(cache.frames[part]).to(device).permute(0, 3, 1, 2).float()
        masks = object_masks(torch.from_numpy(cache.labels[part]).to(device).long())
        embeddings, suggested, boxes = matched_objects(extractor, frames, masks)
        values.append(generalized_iou(head(embeddings, suggested), boxes))
    return {"giou": float(torch.cat(values).mean())}
