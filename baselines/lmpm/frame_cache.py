"""Cached outputs of the frozen extractor for a training of ``ExtractorLmpm``.

Axes: t frames of all videos one after another, q queries of a frame, c channels, h and w at stride 4.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from baselines.lmpm.extractor_network import ExtractorLmpm
from baselines.lmpmpp.mini.training.training_cache import TrainingCache

MIN_IOU = 0.5
"""A query whose mask overlaps an object less is not the object's."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameCache:
    """Outputs of the extractor for every frame of a split.

    Attributes:
        queries: float16 ``(t, q, c)``.
        fine: float16 ``(t, c, h, w)``.
        objects: uint8 ``(t, q)``: number of the annotated object that a query's mask shows, from 1; 0: none.
    """

    queries: NDArray[np.float16]
    fine: NDArray[np.float16]
    objects: NDArray[np.uint8]


_NAMES = ("queries", "fine", "objects")


def open_frame_cache(
    network: ExtractorLmpm,
    split: TrainingCache,
    folder: Path,
    identity: str,
    device: str,
    progress: Callable[[int, int], None],
) -> FrameCache:
    """Open the cache in ``folder``; it is computed first if it is missing or another one's.

    Args:
        network: With its extractor's weights, on ``device``.
        split: Frames and label maps at the extractor's resolution.
        folder: Its memory-mapped files.
        identity: Data and extractor that the cache belongs to.
        device: Torch device.
        progress: Receives (videos done, videos in all).
    """
    record = folder / "extractor.json"
    if not record.is_file() or json.loads(record.read_text()) != identity:
        record.unlink(missing_ok=True)
        _compute(network, split, folder, device, progress)
        record.write_text(json.dumps(identity))
    return FrameCache(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in _NAMES))


@torch.no_grad()
def _compute(
    network: ExtractorLmpm, split: TrainingCache, folder: Path, device: str, progress: Callable[[int, int], None]
) -> None:
    files: list[NDArray[np.generic]] = []
    for number, video in enumerate(split.videos):
        images = torch.from_numpy(split.frames[video.frames].copy()).to(device).permute(0, 3, 1, 2).float()
        stem, masks = network.stem_with_masks(images)
        labels = torch.from_numpy(split.labels[video.frames].copy())
        parts = (
            stem.queries.cpu().half().numpy(),
            stem.fine.cpu().half().numpy(),
            match_queries(masks.cpu() > 0, labels, video.objects).numpy(),
        )
        if not files:
            length = len(split.labels)
            files = [
                np.lib.format.open_memmap(
                    folder / f"{name}.npy", mode="w+", dtype=part.dtype, shape=(length, *part.shape[1:])
                )
                for name, part in zip(_NAMES, parts, strict=True)
            ]
        for file, part in zip(files, parts, strict=True):
            file[video.frames] = part
        progress(number + 1, len(split.videos))


def match_queries(masks: Tensor, labels: Tensor, objects: int) -> Tensor:
    """Match each frame's queries with its objects by IoU.

    Args:
        masks: bool ``(t, q, h, w)``.
        labels: uint8 ``(t, H, W)``, 0 background, i + 1 the i-th object; H and W are multiples of h and w.
        objects: Number of objects.

    Returns:
        uint8 ``(t, q)``: number of the object, from 1; 0 where none overlaps at least ``MIN_IOU``.
    """
    matched = torch.zeros(masks.shape[:2], dtype=torch.uint8)
    step = labels.shape[-1] // masks.shape[-1]
    small = labels[:, step // 2 :: step, step // 2 :: step]
    numbers = torch.arange(1, objects + 1)
    truths = (small[:, None] == numbers[:, None, None]).flatten(2).float()
    predicted = masks.flatten(2).float()
    overlap = predicted @ truths.transpose(1, 2)
    union = predicted.sum(2)[:, :, None] + truths.sum(2)[:, None] - overlap
    ious = (overlap / union.clamp(min=1)).numpy()
    for frame, iou in enumerate(ious):
        for query, column in zip(*linear_sum_assignment(-iou), strict=True):
            if iou[query, column] >= MIN_IOU:
                matched[frame, query] = int(column) + 1
    return matched
