"""Tracks of a split, computed by the trained extractor after stage 1 and cached for the later stages.

Axes: b videos, k tracks, s time steps, p sampled points, n sentences of all videos, o objects of a video, t frames, h
and w rows and columns.
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
from baselines.lmpmpp.mini.tracker import ABSENT_LOGIT, Trajectories, track_objects
from baselines.lmpmpp.mini.training.training_cache import CachedVideo, TrainingCache
from baselines.lmpmpp.mini.trajectory_encoder import TrackFeatures, resample

NUM_POINTS = 1024
"""Points per video at which mask losses are computed: half on objects, half elsewhere."""

MAX_LOGIT = 5.0
"""Mask logits are clamped to this in the losses of stages 5 and 6; otherwise one wrong track dominates the loss."""

MAX_OBJECTS = 16

MIN_IOU = 0.2
"""A track below this IoU with every object is assigned to none."""


@dataclass(frozen=True, slots=True)
class TrackCache:
    """A split after the extractor and the tracker.

    Attributes:
        tracks: Of b videos.
        point_logits: Mask logit of each track at each point, ``(b, k, p)``.
        point_objects: Object at each point, int64 ``(b, p)``: 0 none, i + 1 the i-th.
        track_objects: Object of each track, int64 ``(b, k)``: 0 none, i + 1 the i-th.
        sentence_videos: Video of each sentence, int64 ``(n,)``, increasing.
        sentence_objects: Target objects of each sentence, bool ``(n, MAX_OBJECTS)``.
        texts: n sentences.
    """

    tracks: TrackFeatures
    point_logits: Tensor
    point_objects: Tensor
    track_objects: Tensor
    sentence_videos: Tensor
    sentence_objects: Tensor
    texts: tuple[str, ...]


def open_track_cache(
    extractor: LanguageGuidedExtractor,
    cache: TrainingCache,
    config: TrajectoryConfig,
    path: Path,
    device: str,
    progress: Callable[[int, int], None],
) -> TrackCache:
    """Read the tracks of a split; compute them first if ``path`` does not exist.

    ``progress`` is called with (videos done, videos in total).
    """
    if not path.is_file():
        extractor.eval()
        videos = []
        for index, video in enumerate(cache.videos):
            videos.append(_track_video(extractor, cache, video, config, np.random.default_rng(index), device))
            progress(index + 1, len(cache.videos))
        save_file({name: torch.cat([v[name] for v in videos]).contiguous() for name in videos[0]}, path)
    stored = load_file(path, device=device)
    tracks = TrackFeatures(
        present=stored["present"].float(),
        boxes=stored["boxes"].float(),
        camera=stored["camera"].float(),
        embeddings=stored["embeddings"].float(),
        valid=stored["valid"],
    )
    sentences = [(index, s) for index, video in enumerate(cache.videos) for s in video.sentences]
    objects = torch.zeros(len(sentences), MAX_OBJECTS, dtype=torch.bool)
    for row, (_, sentence) in enumerate(sentences):
        objects[row, list(sentence.objects)] = True
    return TrackCache(
        tracks,
        stored["point_logits"].float().clamp(-MAX_LOGIT, MAX_LOGIT),
        stored["point_objects"].long(),
        stored["track_objects"].long(),
        torch.tensor([index for index, _ in sentences], device=device),
        objects.to(device),
        tuple(s.text for _, s in sentences),
    )


@torch.no_grad()
def _track_video(
    extractor: LanguageGuidedExtractor,
    cache: TrainingCache,
    video: CachedVideo,
    config: TrajectoryConfig,
    rng: np.random.Generator,
    device: str,
) -> dict[str, Tensor]:
    """Tensors of one video, a batch of one; all frames of the video are in memory at once."""
    frames = torch.from_numpy(cache.frames[video.frames].copy()).to(device).permute(0, 3, 1, 2).float()
    labels = torch.from_numpy(cache.labels[video.frames].copy()).long()
    trajectories = track_objects(extractor(frames)[-1], frames, config.tracks)
    return summarize(trajectories, labels, config, rng)


def summarize(
    trajectories: Trajectories, labels: Tensor, config: TrajectoryConfig, rng: np.random.Generator
) -> dict[str, Tensor]:
    """Tensors of one video for the cache, a batch of one.

    Args:
        trajectories: Its tracks.
        labels: Ground truth ``(t, h, w)``: 0 background, i + 1 the i-th object.
        config: K and S.
        rng: Draws the points.
    """
    logits = trajectories.mask_logits.cpu()
    step = labels.shape[-1] // logits.shape[-1] if len(logits) else 1
    height, width = logits.shape[-2:]
    small = labels[:, step // 2 :: step, step // 2 :: step][:, :height, :width]
    features = resample(trajectories, config.tracks, config.time_steps)
    track_objects = torch.zeros(1, config.tracks, dtype=torch.uint8)
    if len(logits):
        track_objects[0, : len(logits)] = match_tracks(logits > 0, small)
    points = _sample_points(((logits > 0).any(0) | (small > 0)).flatten(), rng)
    point_logits = torch.full((1, config.tracks, NUM_POINTS), ABSENT_LOGIT)
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


def match_tracks(masks: Tensor, labels: Tensor) -> Tensor:
    """Match tracks bool ``(k, t, h, w)`` and labeled objects by IoU over the video: uint8 ``(k,)``, 0: none."""
    out = torch.zeros(len(masks), dtype=torch.uint8)
    num_objects = int(labels.max())
    if num_objects == 0:
        return out
    targets = torch.stack([labels == i + 1 for i in range(num_objects)]).flatten(1).float()
    predicted = masks.flatten(1).float()
    intersection = predicted @ targets.T
    union = predicted.sum(1)[:, None] + targets.sum(1)[None] - intersection
    iou = (intersection / union.clamp(min=1)).numpy()
    for track, object_id in zip(*linear_sum_assignment(-iou), strict=True):
        if iou[track, object_id] > MIN_IOU:
            out[track] = object_id + 1
    return out


def _sample_points(foreground: Tensor, rng: np.random.Generator) -> Tensor:
    """Draw ``NUM_POINTS`` indices, half of them in the foreground (none of them if it is empty)."""
    inside, outside = (mask.nonzero()[:, 0].numpy() for mask in (foreground, ~foreground))
    half = NUM_POINTS // 2 if len(inside) else 0
    points = [rng.choice(inside, half)] if half else []
    return torch.from_numpy(np.concatenate([*points, rng.choice(outside, NUM_POINTS - half)]))
