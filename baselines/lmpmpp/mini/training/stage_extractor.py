"""Stage 1: the Language-Guided Extractor learns every annotated object of every frame, as Mask2Former does.

Axes: t frames, n queries, m objects of a frame, h and w rows and columns, p pixels.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from baselines.layers.training.mask_losses import mask_bce, mask_dice
from baselines.lmpmpp.extractor import ExtractorOutput, LanguageGuidedExtractor
from baselines.lmpmpp.losses import mask_matching_cost
from baselines.lmpmpp.mini.training.training_cache import TrainingCache

MASK2FORMER_WEIGHTS: Mapping[str, float] = {"class": 2.0, "bce": 5.0, "dice": 5.0}
"""Mask2Former's loss weights, also those of its matching costs."""

NO_OBJECT_WEIGHT = 0.1
"""Mask2Former's weight of the class "no object" in the cross-entropy."""

OBJECT, NO_OBJECT = 0, 1


def sample_frames(cache: TrainingCache, count: int, rng: np.random.Generator, device: str) -> tuple[Tensor, Tensor]:
    """Draw ``count`` frames of a split; mirror half of them and scale their color channels.

    Returns:
        Frames float ``(t, 3, h, w)``, 0..255, and label maps int64 ``(t, h, w)``.
    """
    indices = np.sort(rng.choice(len(cache.frames), size=count, replace=False))
    frames, labels = _read_frames(cache, indices, device)
    mirrored = torch.from_numpy(rng.random(count) < 0.5).to(device)
    frames = torch.where(mirrored[:, None, None, None], frames.flip(-1), frames)
    labels = torch.where(mirrored[:, None, None], labels.flip(-1), labels)
    gain = torch.from_numpy(rng.uniform(0.8, 1.2, (count, 3, 1, 1))).to(device).float()
    return (frames * gain).clamp(0, 255), labels


def evaluation_batches(
    cache: TrainingCache, count: int, seed: int, device: str
) -> Iterator[tuple[Tensor, list[Tensor]]]:
    """Yield ``count`` randomly drawn frames of a split in batches, with their object masks; see ``object_masks``."""
    rng = np.random.default_rng(seed)
    indices = np.sort(rng.choice(len(cache.frames), size=min(count, len(cache.frames)), replace=False))
    for part in np.array_split(indices, max(1, len(indices) // 16)):
        frames, labels = _read_frames(cache, part, device)
        yield frames, object_masks(labels)


def _read_frames(cache: TrainingCache, indices: NDArray[np.int64], device: str) -> tuple[Tensor, Tensor]:
    frames = torch.from_numpy(cache.frames[indices]).to(device).permute(0, 3, 1, 2).float()
    return frames, torch.from_numpy(cache.labels[indices]).to(device).long()


def object_masks(labels: Tensor) -> list[Tensor]:
    """Separate label maps ``(t, h, w)``: per frame float 0 or 1, ``(m, h, w)``, one mask per visible object."""
    masks = []
    for frame in labels:
        ids = frame.unique()
        masks.append((frame == ids[ids > 0][:, None, None]).float())
    return masks


@torch.no_grad()
def match_queries(outputs: ExtractorOutput, targets: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Hungarian matching of queries and objects, frame by frame: pairs of index tensors (queries, objects)."""
    size = outputs.mask_logits.shape[-2:]
    probabilities = outputs.class_logits.softmax(-1)[..., OBJECT]
    pairs = []
    for frame, masks in enumerate(targets):
        logits = outputs.mask_logits[frame].flatten(1)
        small = F.interpolate(masks[:, None], size=size, mode="area")[:, 0].flatten(1)
        class_cost = -MASK2FORMER_WEIGHTS["class"] * probabilities[frame][:, None]
        cost = class_cost + mask_matching_cost(logits, small, MASK2FORMER_WEIGHTS)
        queries, objects = linear_sum_assignment(cost.cpu().numpy())
        pairs.append((torch.as_tensor(queries), torch.as_tensor(objects)))
    return pairs


def extractor_losses(outputs: Sequence[ExtractorOutput], targets: Sequence[Tensor]) -> dict[str, Tensor]:
    """Mask2Former's losses with deep supervision: summed over the outputs of the initial queries and of all layers.

    Args:
        outputs: Of each layer, t frames.
        targets: Ground-truth masks per frame, float ``(m, h, w)``; at least one frame.

    Returns:
        ``class``, ``bce`` and ``dice``, and their weighted sum ``loss``; without objects ``bce`` and ``dice`` are 0.
    """
    device = outputs[-1].mask_logits.device
    size = targets[0].shape[-2:]
    losses = {name: torch.zeros((), device=device) for name in MASK2FORMER_WEIGHTS}
    class_weights = torch.tensor([1.0, NO_OBJECT_WEIGHT], device=device)
    for layer in outputs:
        pairs = match_queries(layer, targets)
        classes = torch.full(layer.class_logits.shape[:2], NO_OBJECT, device=device)
        for frame, (queries, _) in enumerate(pairs):
            classes[frame, queries] = OBJECT
        cross_entropy = F.cross_entropy(layer.class_logits.flatten(0, 1), classes.flatten(), class_weights)
        losses["class"] = losses["class"] + cross_entropy
        logits = torch.cat([layer.mask_logits[frame][queries] for frame, (queries, _) in enumerate(pairs)])
        masks = torch.cat([targets[frame][objects] for frame, (_, objects) in enumerate(pairs)]).flatten(1)
        if len(logits):
            logits = F.interpolate(logits[:, None], size=size, mode="bilinear", align_corners=False)[:, 0].flatten(1)
            losses["bce"] = losses["bce"] + mask_bce(logits, masks).mean()
            losses["dice"] = losses["dice"] + mask_dice(logits, masks).mean()
    weighted = [weight * losses[name] for name, weight in MASK2FORMER_WEIGHTS.items()]
    return {"loss": torch.stack(weighted).sum(), **losses}


@torch.no_grad()
def evaluate_masks(
    extractor: LanguageGuidedExtractor, cache: TrainingCache, count: int, seed: int, device: str
) -> dict[str, float]:
    """Evaluate matched queries on ``count`` frames of a split.

    Returns:
        ``iou``: mean IoU of objects with their matched query; ``recall``: fraction of objects whose matched query
        scores above 0.5; ``precision``: fraction of queries above 0.5 that are matched; all 0..1.
    """
    ious: list[float] = []
    true_positives, positives = 0, 0
    for frames, masks in evaluation_batches(cache, count, seed, device):
        outputs = extractor(frames)[-1]
        scores = outputs.class_logits.softmax(-1)[..., OBJECT]
        positives += int((scores > 0.5).sum())
        for frame, (queries, objects) in enumerate(match_queries(outputs, masks)):
            logits = outputs.mask_logits[frame][queries][:, None]
            size = masks[frame].shape[-2:]
            predicted = F.interpolate(logits, size=size, mode="bilinear", align_corners=False)[:, 0] > 0
            target = masks[frame][objects] > 0
            union = (predicted | target).sum((1, 2)).clamp(min=1)
            ious += ((predicted & target).sum((1, 2)) / union).tolist()
            true_positives += int((scores[frame][queries] > 0.5).sum())
    return {
        "iou": float(np.mean(ious)),
        "recall": true_positives / max(1, len(ious)),
        "precision": true_positives / max(1, positives),
    }
