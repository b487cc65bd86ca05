"""Addition: link the queries of all frames, so that one index is one object through the video.

Axes: t frames, n queries, k tracks, h and w rows and columns of the mask logits. Positions are in frame heights (a
square of side 1 is as high as the frame), so that nothing depends on the size of the video.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from baselines.lmpmpp.extractor import FrameObjects
from baselines.lmpmpp.mini.camera import camera_path

SCORE_THRESHOLD = 0.5
DUPLICATE_IOU = 0.5
REACH, REACH_PER_MISSED_FRAME = 1.6, 0.8
"""A detection may lie this many object sizes from where its track is expected, and more for each frame not seen."""


@dataclass(frozen=True, slots=True)
class Trajectories:
    """The objects of a video, followed.

    Attributes:
        present: bool ``(k, t)``.
        boxes: float ``(k, t, 4)``: cx, cy, w, h in frame heights; where absent, interpolated between the moments
            it was seen, and held before the first and after the last.
        embeddings: Object embeddings ``(k, t, c)``; filled in like the boxes, from the nearest earlier moment.
        mask_logits: ``(k, t, h, w)``; very low where absent.
        camera: ``(t, 2)``, the frame's corner in the scene, in frame heights.
    """

    present: Tensor
    boxes: Tensor
    embeddings: Tensor
    mask_logits: Tensor
    camera: Tensor


@dataclass(slots=True)
class _Track:
    """A track in the making: query per frame (-1: absent) and what is expected of it next."""

    queries: list[int]
    place: NDArray[np.float64]
    velocity: NDArray[np.float64]
    size: float
    embedding: NDArray[np.float64]
    last: int


def mask_boxes(masks: Tensor) -> tuple[Tensor, Tensor]:
    """Soft boxes of masks ``(..., h, w)`` in 0..1: center of mass and side lengths of the same spread.

    Returns:
        ``(..., 4)``: cx, cy, w, h in frame heights, and the area ``(...)`` in squared frame heights.
    """
    # Without their tails: far from an object, many cells of little mass would widen its box.
    masks = masks * (masks > 0.25)
    height, width = masks.shape[-2:]
    y = (torch.arange(height, device=masks.device) + 0.5) / height
    x = (torch.arange(width, device=masks.device) + 0.5) / height
    mass = masks.sum((-2, -1)).clamp(min=1e-6)
    rows, columns = masks.sum(-1) / mass[..., None], masks.sum(-2) / mass[..., None]
    cy, cx = (rows * y).sum(-1), (columns * x).sum(-1)
    # A uniform bar of length l has variance l**2 / 12.
    h = (12 * (rows * (y - cy[..., None]) ** 2).sum(-1)).sqrt()
    w = (12 * (columns * (x - cx[..., None]) ** 2).sum(-1)).sqrt()
    return torch.stack((cx, cy, w, h), dim=-1), mass / height**2


def follow(objects: FrameObjects, frames: Tensor, tracks: int) -> Trajectories:
    """Link the objects of resized frames ``(t, 3, H, W)``, their motion measured in the scene; see ``link``."""
    found = (objects.class_logits.softmax(-1)[..., 0] > SCORE_THRESHOLD)[..., None, None] & (objects.mask_logits > 0)
    return link(objects, camera_path(frames, found.any(1)) / frames.shape[-2], tracks)


def link(objects: FrameObjects, camera: Tensor, tracks: int) -> Trajectories:
    """Follow at most ``tracks`` objects through a video; the longest seen come first.

    Args:
        objects: Last decoder layer, t frames.
        camera: ``(t, 2)`` in frame heights.
        tracks: K.
    """
    scores = objects.class_logits.softmax(-1)[..., 0]
    kept = _detections(scores, objects.mask_logits > 0)
    objects = replace(objects, mask_logits=_disjoint(objects.mask_logits, kept))
    boxes, areas = mask_boxes(objects.mask_logits.sigmoid())
    made = _follow(
        kept,
        (boxes[..., :2] + camera[:, None]).double().cpu().numpy(),
        areas.sqrt().double().cpu().numpy(),
        objects.embeddings.double().cpu().numpy(),
    )
    made.sort(key=lambda track: -sum(q >= 0 for q in track.queries))
    return _gather(made[:tracks], objects, boxes, camera)


def _detections(scores: Tensor, masks: Tensor) -> list[list[int]]:
    """Per frame the queries that show an object, best first, each object once."""
    flat = masks.flatten(2).float()
    together = flat @ flat.mT
    area = flat.sum(-1)
    iou = (together / (area[:, :, None] + area[:, None, :] - together).clamp(min=1)).cpu().numpy()
    order = scores.argsort(dim=-1, descending=True, stable=True).cpu().numpy()
    good = ((scores > SCORE_THRESHOLD) & (area > 0)).cpu().numpy()
    kept: list[list[int]] = []
    for frame, queries in enumerate(order):
        chosen: list[int] = []
        for query in queries:
            if good[frame, query] and all(iou[frame, query, other] < DUPLICATE_IOU for other in chosen):
                chosen.append(int(query))
        kept.append(chosen)
    return kept


def _disjoint(logits: Tensor, kept: list[list[int]]) -> Tensor:
    """Give each pixel to the surest of the kept queries only: ``(t, n, h, w)`` to the same.

    A query tends to light up on look-alikes of its object, too; there, however, another query is surer.
    """
    out = logits.clone()
    for frame, queries in enumerate(kept):
        if len(queries) > 1:
            own = logits[frame, queries]
            best, second = own.topk(2, dim=0).values
            rival = torch.where(own == best, second, best)
            out[frame, queries] = own - rival.clamp(min=0)
    return out


def _follow(
    kept: list[list[int]],
    places: NDArray[np.float64],
    sizes: NDArray[np.float64],
    embeddings: NDArray[np.float64],
) -> list[_Track]:
    """Extend tracks frame by frame, by Hungarian matching on place, size and embedding."""
    tracks: list[_Track] = []
    for frame, queries in enumerate(kept):
        taken: set[int] = set()
        if tracks and queries:
            cost = np.array([[_cost(t, frame, places, sizes, embeddings, q) for q in queries] for t in tracks])
            for row, column in zip(*linear_sum_assignment(cost), strict=True):
                if cost[row, column] < _FORBIDDEN:
                    query = queries[column]
                    _extend(tracks[row], frame, query, places, sizes, embeddings)
                    taken.add(query)
        for query in queries:
            if query not in taken:
                tracks.append(
                    _Track(
                        [-1] * frame + [query],
                        places[frame, query],
                        np.zeros(2),
                        sizes[frame, query],
                        embeddings[frame, query],
                        frame,
                    )
                )
        for track in tracks:
            if len(track.queries) <= frame:
                track.queries.append(-1)
    return tracks


_FORBIDDEN = 1e4


def _cost(
    track: _Track,
    frame: int,
    places: NDArray[np.float64],
    sizes: NDArray[np.float64],
    embeddings: NDArray[np.float64],
    query: int,
) -> float:
    gap = frame - track.last
    size = max(track.size, sizes[frame, query])
    expected = track.place + track.velocity * min(gap, 3)
    distance = min(
        np.linalg.norm(places[frame, query] - expected),
        np.linalg.norm(places[frame, query] - track.place) if gap > 1 else np.inf,
    )
    if distance > size * (REACH + REACH_PER_MISSED_FRAME * (gap - 1)):
        return _FORBIDDEN
    e = embeddings[frame, query]
    cosine = e @ track.embedding / (np.linalg.norm(e) * np.linalg.norm(track.embedding) + 1e-8)
    growth = abs(np.log(sizes[frame, query] / track.size))
    return float(distance / size + 0.2 * growth + 0.2 * (1 - cosine) + 0.05 * (gap - 1))


def _extend(
    track: _Track,
    frame: int,
    query: int,
    places: NDArray[np.float64],
    sizes: NDArray[np.float64],
    embeddings: NDArray[np.float64],
) -> None:
    moved = (places[frame, query] - track.place) / (frame - track.last)
    first = sum(q >= 0 for q in track.queries) == 1
    track.velocity = moved if first else 0.4 * track.velocity + 0.6 * moved
    track.place = places[frame, query]
    track.size = 0.5 * track.size + 0.5 * sizes[frame, query]
    track.embedding = 0.7 * track.embedding + 0.3 * embeddings[frame, query]
    track.last = frame
    track.queries.append(query)


def _gather(tracks: list[_Track], objects: FrameObjects, boxes: Tensor, camera: Tensor) -> Trajectories:
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
    logits = objects.mask_logits[time, index].masked_fill(~present[..., None, None], -20.0)
    place = torch.cat((boxes[..., :2] + camera[:, None], boxes[..., 2:]), dim=-1)[time, index]
    filled = fill_in(place, present)
    filled[..., :2] -= camera
    earlier = torch.where(present, time, -1).cummax(dim=1).values
    first = present.int().argmax(dim=1, keepdim=True)
    source = torch.where(earlier < 0, first, earlier)
    rows = torch.arange(len(tracks), device=device)[:, None]
    embeddings = objects.embeddings[time, index][rows, source]
    return Trajectories(present, filled, embeddings, logits, camera)


def fill_in(values: Tensor, present: Tensor) -> Tensor:
    """Interpolate ``(k, t, d)`` where bool ``present`` ``(k, t)`` is false; hold it before the first, after the last.

    Every row must be present at least once.
    """
    time = torch.arange(values.shape[1], device=values.device)
    before = torch.where(present, time, -1).cummax(dim=1).values
    after = torch.where(present, time, values.shape[1]).flip(1).cummin(dim=1).values.flip(1)
    before, after = (
        torch.where(before < 0, after, before),
        torch.where(after >= values.shape[1], before, after),
    )
    share = ((time - before) / (after - before).clamp(min=1))[..., None]
    rows = torch.arange(len(values), device=values.device)[:, None]
    return values[rows, before] * (1 - share) + values[rows, after] * share
