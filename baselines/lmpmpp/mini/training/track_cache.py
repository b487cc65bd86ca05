"""Between stage 1 and the rest of the training: what the trained extractor finds in a split, linked and kept.

Axes: b videos, k tracks, s moments, p sampled points, n sentences of all videos, o objects of a video.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from baselines.lmpmpp.extractor import LanguageGuidedExtractor
from baselines.lmpmpp.mini.config import TrajectoryConfig
from baselines.lmpmpp.mini.tracker import Trajectories, follow
from baselines.lmpmpp.mini.training.training_cache import TrainingCache
from baselines.lmpmpp.mini.trajectory_encoder import TrackFeatures, resample

POINTS = 1024
"""Points a video's mask loss is taken at: half on objects, half anywhere else."""

SUREST = 5.0
"""Mask logits count as no surer than this in the losses of stages 5 and 6, else one wrong track outweighs all else."""

MAX_OBJECTS = 16


@dataclass(frozen=True, slots=True)
class TrackCache:
    """All videos of a split after the extractor.

    Attributes:
        tracks: Of b videos.
        point_logits: Mask logit of each track at each point, ``(b, k, p)``.
        point_objects: Object at each point, int64 ``(b, p)``: 0 none, i + 1 the i-th.
        track_objects: Object that each track shows, int64 ``(b, k)``: 0 none, i + 1 the i-th.
        sentence_videos: int64 ``(n,)``.
        sentence_objects: bool ``(n, MAX_OBJECTS)``: the objects a sentence means.
        texts: n sentences.
    """

    tracks: TrackFeatures
    point_logits: Tensor
    point_objects: Tensor
    track_objects: Tensor
    sentence_videos: Tensor
    sentence_objects: Tensor
    texts: tuple[str, ...]


@torch.no_grad()
def follow_objects(extractor: LanguageGuidedExtractor, frames: Tensor, tracks: int) -> Trajectories:
    """Find and link the objects of one video's frames ``(t, 3, h, w)``, 0..255, that fit into memory at once."""
    return follow(extractor(frames)[-1], frames, tracks)


def open_track_cache(
    extractor: LanguageGuidedExtractor,
    cache: TrainingCache,
    size: TrajectoryConfig,
    path: Path,
    device: str,
    progress: Callable[[int, int], None],
) -> TrackCache:
    """Read the tracks of a split, making them first where they are missing. ``progress``: (videos done, in all)."""
    if not path.is_file():
        extractor.eval()
        parts = []
        for index, video in enumerate(cache.videos):
            frames = torch.from_numpy(cache.frames[video.frames].copy()).to(device).permute(0, 3, 1, 2).float()
            found = follow_objects(extractor, frames, size.tracks)
            labels = torch.from_numpy(cache.labels[video.frames].copy()).long()
            parts.append(_summary(found, labels, size, np.random.default_rng(index)))
            progress(index + 1, len(cache.videos))
        save_file({name: torch.cat([p[name] for p in parts]).contiguous() for name in parts[0]}, path)
    stored = load_file(path, device=device)
    names = ("present", "boxes", "camera", "embeddings", "valid")
    features = TrackFeatures(*(stored[name].float() if name != "valid" else stored[name] for name in names))
    sentences = [(index, s) for index, video in enumerate(cache.videos) for s in video.sentences]
    objects = torch.zeros(len(sentences), MAX_OBJECTS, dtype=torch.bool)
    for row, (_, sentence) in enumerate(sentences):
        objects[row, list(sentence.objects)] = True
    return TrackCache(
        features,
        stored["point_logits"].float().clamp(-SUREST, SUREST),
        stored["point_objects"].long(),
        stored["track_objects"].long(),
        torch.tensor([index for index, _ in sentences], device=device),
        objects.to(device),
        tuple(s.text for _, s in sentences),
    )


def _summary(
    found: Trajectories, labels: Tensor, size: TrajectoryConfig, rng: np.random.Generator
) -> dict[str, Tensor]:
    """One video's part of the cache."""
    logits = found.mask_logits.cpu()
    step = labels.shape[-1] // logits.shape[-1] if len(logits) else 1
    small = labels[:, step // 2 :: step, step // 2 :: step]
    height, width = logits.shape[-2:]
    small = small[:, :height, :width]
    features = resample(found, size.tracks, size.steps)
    track_objects = torch.zeros(1, size.tracks, dtype=torch.uint8)
    if len(logits):
        track_objects[0, : len(logits)] = _assign(logits > 0, small)
    points = _points(((logits > 0).any(0) | (small > 0)).flatten(), rng)
    point_logits = torch.full((1, size.tracks, POINTS), -20.0)
    point_logits[0, : len(logits)] = logits.flatten(1)[:, points]
    return {
        "present": features.present.cpu(),
        "boxes": features.boxes.cpu(),
        "camera": features.camera.cpu(),
        "embeddings": features.embeddings.cpu().half(),
        "valid": features.valid.cpu(),
        "point_logits": point_logits.half(),
        "point_objects": small.flatten()[points][None].to(torch.uint8),
        "track_objects": track_objects,
    }


def _assign(masks: Tensor, labels: Tensor) -> Tensor:
    """Match tracks bool ``(k, t, h, w)`` and labeled objects by IoU over the video: uint8 ``(k,)``, 0: none."""
    out = torch.zeros(len(masks), dtype=torch.uint8)
    count = int(labels.max())
    if count == 0:
        return out
    ground_truth = torch.stack([labels == i + 1 for i in range(count)]).flatten(1).float()
    found = masks.flatten(1).float()
    together = found @ ground_truth.T
    iou = (together / (found.sum(1)[:, None] + ground_truth.sum(1)[None] - together).clamp(min=1)).numpy()
    for track, thing in zip(*linear_sum_assignment(-iou), strict=True):
        if iou[track, thing] > 0.2:
            out[track] = thing + 1
    return out


def _points(foreground: Tensor, rng: np.random.Generator) -> Tensor:
    """Draw ``POINTS`` places, half of them where ``foreground`` is set (all of them elsewhere where it is not)."""
    inside, outside = (mask.nonzero()[:, 0].numpy() for mask in (foreground, ~foreground))
    half = POINTS // 2 if len(inside) else 0
    chosen = [rng.choice(inside, half)] if half else []
    return torch.from_numpy(np.concatenate([*chosen, rng.choice(outside, POINTS - half)]))
