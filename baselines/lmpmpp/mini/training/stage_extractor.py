"""Stage 1: the Language-Guided Extractor learns every annotated object of every frame (Mask2Former's training).

Axes: t frames, n queries, m objects of a frame, p pixels.
"""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from baselines.lmpmpp.extractor import FrameObjects, LanguageGuidedExtractor
from baselines.lmpmpp.losses import mask_bce, mask_dice, pairwise_bce, pairwise_dice
from baselines.lmpmpp.mini.training.training_cache import TrainingCache

CLASS_WEIGHT, BCE_WEIGHT, DICE_WEIGHT, NO_OBJECT_WEIGHT = 2.0, 5.0, 5.0, 0.1
"""Mask2Former's loss weights; they are its matching costs, too."""


def sample_frames(cache: TrainingCache, count: int, rng: np.random.Generator, device: str) -> tuple[Tensor, Tensor]:
    """Draw ``count`` frames from anywhere; mirror half of them and vary their brightness.

    Returns:
        Frames float ``(t, 3, h, w)``, 0..255, and labels int64 ``(t, h, w)``.
    """
    chosen = np.sort(rng.choice(len(cache.frames), size=count, replace=False))
    frames = torch.from_numpy(cache.frames[chosen]).to(device).permute(0, 3, 1, 2).float()
    labels = torch.from_numpy(cache.labels[chosen]).to(device).long()
    mirrored = torch.from_numpy(rng.random(count) < 0.5).to(device)
    frames = torch.where(mirrored[:, None, None, None], frames.flip(-1), frames)
    labels = torch.where(mirrored[:, None, None], labels.flip(-1), labels)
    gain = torch.from_numpy(rng.uniform(0.8, 1.2, (count, 3, 1, 1))).to(device).float()
    return (frames * gain).clamp(0, 255), labels


def object_masks(labels: Tensor) -> list[Tensor]:
    """Separate label maps ``(t, h, w)``: per frame float ``(m, h, w)``, one mask per visible object."""
    masks = []
    for frame in labels:
        present = frame.unique()
        masks.append((frame == present[present > 0][:, None, None]).float())
    return masks


def match(said: FrameObjects, masks: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Hungarian matching of queries and objects, frame by frame: pairs of index tensors (queries, objects)."""
    height, width = said.mask_logits.shape[-2:]
    pairs = []
    with torch.no_grad():
        score = said.class_logits.softmax(-1)[..., 0]
        for frame, ground_truth in enumerate(masks):
            logits = said.mask_logits[frame].flatten(1)
            target = F.interpolate(ground_truth[:, None], size=(height, width), mode="area")[:, 0].flatten(1)
            cost = (
                -CLASS_WEIGHT * score[frame][:, None]
                + BCE_WEIGHT * pairwise_bce(logits, target)
                + DICE_WEIGHT * pairwise_dice(logits, target)
            )
            queries, objects = linear_sum_assignment(cost.cpu().numpy())
            pairs.append((torch.as_tensor(queries), torch.as_tensor(objects)))
    return pairs


def extractor_losses(layers: list[FrameObjects], masks: list[Tensor]) -> dict[str, Tensor]:
    """Mask2Former's losses, summed over the start state and all layers.

    Args:
        layers: What each layer says about t frames.
        masks: Per frame the true objects, float ``(m, h, w)``.
    """
    device = layers[-1].mask_logits.device
    size = next(m.shape[-2:] for m in masks)
    sums = {name: torch.zeros((), device=device) for name in ("class", "bce", "dice")}
    weight = torch.tensor([1.0, NO_OBJECT_WEIGHT], device=device)
    for said in layers:
        pairs = match(said, masks)
        classes = torch.ones(said.class_logits.shape[:2], dtype=torch.long, device=device)
        for frame, (queries, _) in enumerate(pairs):
            classes[frame, queries] = 0
        sums["class"] = sums["class"] + F.cross_entropy(said.class_logits.flatten(0, 1), classes.flatten(), weight)
        logits = torch.cat([said.mask_logits[frame][queries] for frame, (queries, _) in enumerate(pairs)])
        target = torch.cat([masks[frame][objects] for frame, (_, objects) in enumerate(pairs)]).flatten(1)
        if len(logits):
            fine = F.interpolate(logits[:, None], size=size, mode="bilinear", align_corners=False)[:, 0].flatten(1)
            sums["bce"] = sums["bce"] + mask_bce(fine, target).mean()
            sums["dice"] = sums["dice"] + mask_dice(fine, target).mean()
    loss = CLASS_WEIGHT * sums["class"] + BCE_WEIGHT * sums["bce"] + DICE_WEIGHT * sums["dice"]
    return {"loss": loss, **sums}


@torch.no_grad()
def frame_quality(
    extractor: LanguageGuidedExtractor, cache: TrainingCache, count: int, seed: int, device: str
) -> dict[str, float]:
    """Measure on ``count`` frames: mean IoU of true objects with their matched query, and how well scores tell.

    Returns:
        ``iou``; ``recall``: share of true objects whose matched query scores above 0.5; ``precision``: share of
        queries above 0.5 that are matched.
    """
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(len(cache.frames), size=min(count, len(cache.frames)), replace=False))
    ious, found, called = [], 0, 0
    for part in np.array_split(chosen, max(1, len(chosen) // 16)):
        frames = torch.from_numpy(cache.frames[part]).to(device).permute(0, 3, 1, 2).float()
        masks = object_masks(torch.from_numpy(cache.labels[part]).to(device).long())
        said = extractor(frames)[-1]
        scores = said.class_logits.softmax(-1)[..., 0]
        called += int((scores > 0.5).sum())
        for frame, (queries, objects) in enumerate(match(said, masks)):
            logits = said.mask_logits[frame][queries][:, None]
            mask = F.interpolate(logits, size=masks[frame].shape[-2:], mode="bilinear", align_corners=False)[:, 0] > 0
            ground_truth = masks[frame][objects] > 0
            union = (mask | ground_truth).sum((1, 2)).clamp(min=1)
            ious += ((mask & ground_truth).sum((1, 2)) / union).tolist()
            found += int((scores[frame][queries] > 0.5).sum())
    return {"iou": float(np.mean(ious)), "recall": found / max(1, len(ious)), "precision": found / max(1, called)}
