"""Heuristic baseline: regions that move against the background, by a temporal median with compensated camera motion."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from baselines.moving_region.options import Options
from mevis_bench.records import MaskPrediction, MethodConfig, Prediction, Prompt, TrackPrediction, Video


class MovingRegion:
    """The same masks for every prompt of a video or, for tracking, their boxes."""

    def __init__(self, task: str, options: Options) -> None:
        self.task = task
        self.options = options

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[Prediction]:
        """Segment the moving regions once and yield them for every prompt."""
        scale = max(1, min(video.height, video.width) // self.options.short_side)
        small = np.stack([shrink(frame, scale) for frame in video.frames()])
        objects = link(moving_pixels(small, self.options), self.options)
        full = tuple(enlarge(masks, scale, video.height, video.width) for masks in objects)
        shape = (len(video), video.height, video.width)
        prediction: Prediction = track_boxes(full) if self.task == "rmot" else union_of(full, shape)
        for _ in prompts:
            yield prediction

    def close(self) -> None:
        """No-op."""


def union_of(objects: Sequence[NDArray[np.bool_]], shape: tuple[int, int, int]) -> MaskPrediction:
    """Return the objects, each ``shape`` = ``(t, h, w)``, and their union."""
    masks = np.zeros(shape, bool)
    for object_masks in objects:
        masks |= object_masks
    return MaskPrediction(masks, tuple(objects))


def track_boxes(objects: Sequence[NDArray[np.bool_]]) -> TrackPrediction:
    """Return one track per object ``(t, h, w)``: its tight box in every frame in which it is visible."""
    boxes, visible = [], []
    for masks in objects:
        rows: NDArray[np.bool_] = np.any(masks, axis=2)
        columns: NDArray[np.bool_] = np.any(masks, axis=1)
        (x0, x1), (y0, y1) = _ends(columns), _ends(rows)
        boxes.append(np.stack([x0, y0, x1, y1], axis=1))
        present: NDArray[np.bool_] = np.any(rows, axis=1)
        visible.append(present)
    return TrackPrediction.from_boxes(boxes, visible)


def _ends(covered: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first covered index of every row of ``(n, k)`` and the one after the last."""
    return covered.argmax(axis=1), covered.shape[1] - covered[:, ::-1].argmax(axis=1)


def shrink(frame: NDArray[np.uint8], scale: int) -> NDArray[np.float32]:
    """Average blocks of ``scale`` x ``scale`` pixels: uint8 ``(h, w, 3)`` to 0..1 ``(ceil(h/s), ceil(w/s), 3)``."""
    height, width, _ = frame.shape
    padded = np.pad(frame, ((0, -height % scale), (0, -width % scale), (0, 0)), mode="edge").astype(np.float32)
    blocks = padded.reshape(padded.shape[0] // scale, scale, padded.shape[1] // scale, scale, 3)
    out: NDArray[np.float32] = blocks.mean(axis=(1, 3)) / 255
    return out


def enlarge(masks: NDArray[np.bool_], scale: int, height: int, width: int) -> NDArray[np.bool_]:
    """Turn ``(t, h/s, w/s)`` into ``(t, h, w)``, every pixel a block."""
    return masks.repeat(scale, axis=1).repeat(scale, axis=2)[:, :height, :width]


def camera_shift(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float64]:
    """Estimate the background's shift, down and right in pixels, from one frame ``(h, w)`` to the next.

    Minimizes the mean difference, each pixel's difference clipped at ``MAX_DIFFERENCE`` to limit the weight of moving
    objects. Searched from coarse to fine, then refined by a parabola through the best three.
    """
    best: NDArray[np.int64] = np.zeros(2, np.int64)
    for level, radius in ((4, 4), (2, 2), (1, 1)):
        coarse = [ndimage.uniform_filter(frame, level)[::level, ::level] for frame in (before, after)]
        candidates = [best * 2 + (dy, dx) for dy in range(-radius, radius + 1) for dx in range(-radius, radius + 1)]
        candidates.sort(key=lambda candidate: int(np.abs(candidate).sum()))  # of equal costs the smallest shift
        costs = [_cost(coarse[0], coarse[1], candidate) for candidate in candidates]
        best = candidates[int(np.argmin(costs))]
    shift = best.astype(np.float64)
    for axis in range(2):
        step = np.eye(2, dtype=np.int64)[axis]
        left, middle, right = (_cost(before, after, best + k * step) for k in (-1, 0, 1))
        bend = left - 2 * middle + right
        if 0 < bend < np.inf:
            shift[axis] += np.clip(0.5 * (left - right) / bend, -0.5, 0.5)
    return shift


MAX_DIFFERENCE = 0.05
"""Upper bound of a pixel's difference; pixels are in 0..1."""


def _cost(before: NDArray[np.float32], after: NDArray[np.float32], shift: NDArray[np.int64]) -> float:
    """Return the mean clipped difference in the overlap of both frames after a shift by whole pixels.

    Infinite where they do not overlap.
    """
    height, width = before.shape
    dy, dx = shift
    if abs(dy) >= height or abs(dx) >= width:
        return np.inf
    first = before[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
    second = after[max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)]
    return float(np.minimum(np.abs(first - second), MAX_DIFFERENCE).mean())


def moving_pixels(frames: NDArray[np.float32], options: Options) -> NDArray[np.bool_]:
    """Mark what differs from the background: ``(t, h, w, 3)`` to ``(t, h, w)``."""
    gray = frames.mean(axis=3)
    steps = [camera_shift(gray[t], gray[t + 1]) for t in range(len(frames) - 1)]
    position = np.cumsum([np.zeros(2), *steps], axis=0)
    stride = max(1, options.reach // 8)
    difference = np.empty(gray.shape, np.float32)
    for t in range(len(frames)):
        near = range(max(0, t - options.reach), min(len(frames), t + options.reach + 1), stride)
        around = [
            ndimage.shift(frames[s], (*(position[t] - position[s]), 0), order=1, cval=np.nan) for s in near if s != t
        ]
        background = np.nanmedian([*around, frames[t]], axis=0)
        difference[t] = ndimage.gaussian_filter(np.abs(frames[t] - background).max(axis=2), 1)
    middle = np.median(difference)
    spread = 1.4826 * np.median(np.abs(difference - middle))
    # 0.03 is about eight gray levels: below it, JPEG's noise on a still video would move.
    moving = difference > max(middle + options.contrast * spread, 0.03)
    return np.stack([clean(frame, options.smallest) for frame in moving])


def clean(mask: NDArray[np.bool_], smallest: float) -> NDArray[np.bool_]:
    """Close gaps, fill holes, and remove regions below a fraction of the frame: ``(h, w)`` to ``(h, w)``."""
    closed = ndimage.binary_fill_holes(ndimage.binary_closing(mask, np.ones((3, 3))))
    opened = ndimage.binary_opening(closed, np.ones((2, 2)))
    regions, count = ndimage.label(opened)
    areas = ndimage.sum_labels(opened, regions, np.arange(count + 1))
    out: NDArray[np.bool_] = np.isin(regions, np.flatnonzero(areas >= smallest * mask.size)) & opened
    return out


def link(moving: NDArray[np.bool_], options: Options) -> list[NDArray[np.bool_]]:
    """Split ``(t, h, w)`` into objects of the same shape: regions that overlap from frame to frame."""
    objects: list[NDArray[np.bool_]] = []
    for t, frame in enumerate(moving):
        regions, count = ndimage.label(frame)
        for number in range(1, count + 1):
            region = regions == number
            scores = [_iou(masks[t - 1], region) if t and not masks[t].any() else 0.0 for masks in objects]
            best = int(np.argmax(scores)) if scores else 0
            if not scores or scores[best] < options.overlap:
                objects.append(np.zeros_like(moving))
                best = len(objects) - 1
            objects[best][t] = region
    min_frames = min(options.frames, len(moving))
    return [masks for masks in objects if masks.any(axis=(1, 2)).sum() >= min_frames]


def _iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    union = (one | other).sum()
    return float((one & other).sum() / union) if union else 0.0


def load(config: MethodConfig[Options]) -> MovingRegion:
    """Build the method; it has no files."""
    return MovingRegion(config.task, config.options)
