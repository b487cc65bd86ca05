"""Tracker: data association of the queries of all frames, so that one index is one object through the video (mini).

Axes: t frames, n queries, k tracks, h and w rows and columns of the mask logits. Coordinates are in frame heights (x,
too, so that a square stays a square), which makes them independent of the video's resolution.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from baselines.lmpmpp.extractor import ExtractorOutput
from baselines.lmpmpp.mini.camera import camera_path

SCORE_THRESHOLD = 0.5
DUPLICATE_IOU = 0.5

GATING_DISTANCE, GATING_DISTANCE_PER_MISSED_FRAME = 1.6, 0.8
"""Maximum distance of a detection from its track's predicted position, in object sizes, and the increase per frame in
which the track was not detected."""

ABSENT_LOGIT = -20.0
"""Mask logit of a track in frames in which it is absent."""

_INFEASIBLE_COST = 1e4


@dataclass(frozen=True, slots=True)
class Trajectories:
    """Tracks of a video.

    Attributes:
        present: bool ``(k, t)``, the track was detected.
        boxes: float ``(k, t, 4)``: cx, cy, w, h in frame heights; where absent, interpolated between detections, and
            constant before the first and after the last.
        embeddings: Object embeddings ``(k, t, c)``; where absent, that of the previous detection (else of the first).
        mask_logits: ``(k, t, h, w)``; ``ABSENT_LOGIT`` where absent.
        camera: ``(t, 2)``, the frame's corner in the scene, in frame heights.
    """

    present: Tensor
    boxes: Tensor
    embeddings: Tensor
    mask_logits: Tensor
    camera: Tensor


@dataclass(frozen=True, slots=True)
class _Detections:
    """Detections of a video: detected queries per frame, best first; scene positions, sizes, embeddings."""

    queries: list[list[int]]
    positions: NDArray[np.float64]
    sizes: NDArray[np.float64]
    embeddings: NDArray[np.float64]


@dataclass(slots=True)
class _Track:
    """State of a track: query per frame (-1: absent) and its last position, velocity, size and embedding."""

    queries: list[int]
    position: NDArray[np.float64]
    velocity: NDArray[np.float64]
    size: float
    embedding: NDArray[np.float64]
    last_frame: int

    @classmethod
    def start(cls, detections: _Detections, frame: int, query: int) -> "_Track":
        """Start a track at a detection that no track matches."""
        return cls(
            [-1] * frame + [query],
            detections.positions[frame, query],
            np.zeros(2),
            detections.sizes[frame, query],
            detections.embeddings[frame, query],
            frame,
        )

    def cost(self, detections: _Detections, frame: int, query: int) -> float:
        """Matching cost of a detection: distance in object sizes, change of size and embedding, frames missed."""
        gap = frame - self.last_frame
        position, size = detections.positions[frame, query], detections.sizes[frame, query]
        larger = max(self.size, size)
        predicted = self.position + self.velocity * min(gap, 3)
        distance = min(
            np.linalg.norm(position - predicted),
            np.linalg.norm(position - self.position) if gap > 1 else np.inf,
        )
        if distance > larger * (GATING_DISTANCE + GATING_DISTANCE_PER_MISSED_FRAME * (gap - 1)):
            return _INFEASIBLE_COST
        embedding = detections.embeddings[frame, query]
        norms = np.linalg.norm(embedding) * np.linalg.norm(self.embedding)
        cosine = embedding @ self.embedding / (norms + 1e-8)
        growth = abs(np.log(size / self.size))
        return float(distance / larger + 0.2 * growth + 0.2 * (1 - cosine) + 0.05 * (gap - 1))

    def update(self, detections: _Detections, frame: int, query: int) -> None:
        """Append a detection; velocity, size and embedding are exponential moving averages."""
        velocity = (detections.positions[frame, query] - self.position) / (frame - self.last_frame)
        first = sum(q >= 0 for q in self.queries) == 1
        self.velocity = velocity if first else 0.4 * self.velocity + 0.6 * velocity
        self.position = detections.positions[frame, query]
        self.size = 0.5 * self.size + 0.5 * detections.sizes[frame, query]
        self.embedding = 0.7 * self.embedding + 0.3 * detections.embeddings[frame, query]
        self.last_frame = frame
        self.queries.append(query)


def mask_boxes(masks: Tensor) -> tuple[Tensor, Tensor]:
    """Soft boxes of masks ``(..., h, w)`` in 0..1: center of mass, sides of a rectangle of the same variance.

    Returns:
        ``(..., 4)``: cx, cy, w, h in frame heights, and the area ``(...)`` in squared frame heights.
    """
    # Without low values: far from an object, many cells of little mass would widen its box.
    masks = masks * (masks > 0.25)
    height, width = masks.shape[-2:]
    y = (torch.arange(height, device=masks.device) + 0.5) / height
    x = (torch.arange(width, device=masks.device) + 0.5) / height
    mass = masks.sum((-2, -1)).clamp(min=1e-6)
    rows, columns = masks.sum(-1) / mass[..., None], masks.sum(-2) / mass[..., None]
    cy, cx = (rows * y).sum(-1), (columns * x).sum(-1)
    # A uniform distribution of length l has variance l**2 / 12.
    h = (12 * (rows * (y - cy[..., None]) ** 2).sum(-1)).sqrt()
    w = (12 * (columns * (x - cx[..., None]) ** 2).sum(-1)).sqrt()
    return torch.stack((cx, cy, w, h), dim=-1), mass / height**2


def track_objects(objects: ExtractorOutput, frames: Tensor, max_tracks: int) -> Trajectories:
    """Track the objects of resized frames ``(t, 3, H, W)``, with motion measured in the scene; see ``associate``."""
    detected = (objects.class_logits.softmax(-1)[..., 0] > SCORE_THRESHOLD)[..., None, None]
    foreground = (detected & (objects.mask_logits > 0)).any(1)
    return associate(objects, camera_path(frames, foreground) / frames.shape[-2], max_tracks)


def associate(objects: ExtractorOutput, camera: Tensor, max_tracks: int) -> Trajectories:
    """Associate the queries of consecutive frames; of more than ``max_tracks`` tracks the longest are kept.

    Args:
        objects: Last decoder layer, t frames.
        camera: ``(t, 2)`` in frame heights.
        max_tracks: K.

    Returns:
        Tracks by number of detections, most first; none if there is no detection.
    """
    queries = _suppress_duplicates(objects.class_logits.softmax(-1)[..., 0], objects.mask_logits > 0)
    objects = replace(objects, mask_logits=_remove_overlaps(objects.mask_logits, queries))
    boxes, areas = mask_boxes(objects.mask_logits.sigmoid())
    detections = _Detections(
        queries,
        (boxes[..., :2] + camera[:, None]).double().cpu().numpy(),
        areas.sqrt().double().cpu().numpy(),
        objects.embeddings.double().cpu().numpy(),
    )
    tracks = _match_frames(detections)
    tracks.sort(key=lambda track: -sum(q >= 0 for q in track.queries))
    return _gather(tracks[:max_tracks], objects, boxes, camera)


def _suppress_duplicates(scores: Tensor, masks: Tensor) -> list[list[int]]:
    """Per frame the queries above the score threshold, best first, without those that overlap a better one."""
    flat = masks.flatten(2).float()
    intersection = flat @ flat.mT
    area = flat.sum(-1)
    iou = (intersection / (area[:, :, None] + area[:, None, :] - intersection).clamp(min=1)).cpu().numpy()
    order = scores.argsort(dim=-1, descending=True, stable=True).cpu().numpy()
    detected = ((scores > SCORE_THRESHOLD) & (area > 0)).cpu().numpy()
    selected: list[list[int]] = []
    for frame, queries in enumerate(order):
        distinct: list[int] = []
        for query in queries:
            if detected[frame, query] and all(iou[frame, query, better] < DUPLICATE_IOU for better in distinct):
                distinct.append(int(query))
        selected.append(distinct)
    return selected


def _remove_overlaps(logits: Tensor, queries: list[list[int]]) -> Tensor:
    """Assign each pixel to the detected query with the highest logit only: ``(t, n, h, w)`` to the same.

    A query often responds to distractors of its object, too, where another query responds more.
    """
    out = logits.clone()
    for frame, detected in enumerate(queries):
        if len(detected) > 1:
            masks = logits[frame, detected]
            best, second = masks.topk(2, dim=0).values
            competitor = torch.where(masks == best, second, best)
            out[frame, detected] = masks - competitor.clamp(min=0)
    return out


def _match_frames(detections: _Detections) -> list[_Track]:
    """Extend tracks frame by frame by Hungarian matching."""
    tracks: list[_Track] = []
    for frame, queries in enumerate(detections.queries):
        matched: set[int] = set()
        if tracks and queries:
            cost = np.array([[track.cost(detections, frame, query) for query in queries] for track in tracks])
            for row, column in zip(*linear_sum_assignment(cost), strict=True):
                if cost[row, column] < _INFEASIBLE_COST:
                    tracks[row].update(detections, frame, queries[column])
                    matched.add(queries[column])
        tracks += [_Track.start(detections, frame, query) for query in queries if query not in matched]
        for track in tracks:
            if len(track.queries) <= frame:
                track.queries.append(-1)
    return tracks


def _gather(tracks: Sequence[_Track], objects: ExtractorOutput, boxes: Tensor, camera: Tensor) -> Trajectories:
    """Arrays of the tracks' queries; boxes are interpolated in the scene, where motion is smooth."""
    frames = len(boxes)
    device = boxes.device
    if not tracks:
        h, w = objects.mask_logits.shape[-2:]
        return Trajectories(
            torch.zeros(0, frames, dtype=torch.bool, device=device),
            boxes.new_zeros(0, frames, 4),
            boxes.new_zeros(0, frames, objects.embeddings.shape[-1]),
            boxes.new_zeros(0, frames, h, w),
            camera,
        )
    queries = torch.tensor([track.queries for track in tracks], device=device)
    present = queries >= 0
    time = torch.arange(frames, device=device)
    index = queries.clamp(min=0)
    logits = objects.mask_logits[time, index].masked_fill(~present[..., None, None], ABSENT_LOGIT)
    scene_boxes = torch.cat((boxes[..., :2] + camera[:, None], boxes[..., 2:]), dim=-1)[time, index]
    frame_boxes = interpolate_gaps(scene_boxes, present)
    frame_boxes[..., :2] -= camera
    previous = torch.where(present, time, -1).cummax(dim=1).values
    first = present.int().argmax(dim=1, keepdim=True)
    source = torch.where(previous < 0, first, previous)
    track_index = torch.arange(len(tracks), device=device)[:, None]
    embeddings = objects.embeddings[time, index][track_index, source]
    return Trajectories(present, frame_boxes, embeddings, logits, camera)


def interpolate_gaps(values: Tensor, present: Tensor) -> Tensor:
    """Interpolate ``(k, t, d)`` linearly where bool ``present`` ``(k, t)`` is false; constant at both ends.

    Every track must be present at least once.
    """
    time = torch.arange(values.shape[1], device=values.device)
    before = torch.where(present, time, -1).cummax(dim=1).values
    after = torch.where(present, time, values.shape[1]).flip(1).cummin(dim=1).values.flip(1)
    before, after = (
        torch.where(before < 0, after, before),
        torch.where(after >= values.shape[1], before, after),
    )
    fraction = ((time - before) / (after - before).clamp(min=1))[..., None]
    track_index = torch.arange(len(values), device=values.device)[:, None]
    return values[track_index, before] * (1 - fraction) + values[track_index, after] * fraction
