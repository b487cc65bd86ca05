"""Error analysis: one error type per sample.

Masks and boxes are compared with every annotated object of their video, sentences with their references.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import TrackPrediction

MIN_OBJECT_COVERAGE = 0.5
"""An object counts as found when the prediction covers at least this share of its pixels over the whole video."""

MIN_CORRECT_SCORE = 0.75
"""With the right objects found, a sample of at least this J&F (HOTA) is correct; below, its boundary is imprecise."""

MIN_BOX_IOU = 0.5
"""A box belongs to the annotated object that it overlaps most, if their IoU is at least this."""

MIN_CLOSE_METEOR = 0.2
"""A sentence of at least this METEOR is close to its references."""

MIN_FRAME_SHARE = 0.2
"""A lost track or an identity switch lasts for at least this share of the frames in which the target is visible."""

MAX_LOST_COVERAGE = 0.1
"""The target is lost in a frame in which less than this share of its pixels is covered."""


class Failure(StrEnum):
    """Error type of a sample, from harmless to worst."""

    CORRECT = "correct"
    BOUNDARY = "imprecise boundary"
    LOST = "track lost"
    SWITCHED = "identity switch"
    EXTRA = "extra object"
    INCOMPLETE = "incomplete set"
    WRONG = "wrong object"
    BACKGROUND = "background only"
    MISSED = "missed target"
    HALLUCINATED = "hallucinated"
    CLOSE = "close to a reference"
    FAR = "far from all references"
    REPEATED = "repeated sentence"
    SILENT = "no sentence"


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Overlap of a prediction with every annotated object of its video, per frame.

    Attributes:
        ids: Annotation ids of all objects of the video, length n.
        covered: int64 ``(n, t)``, pixels of the object that the prediction covers.
        areas: int64 ``(n, t)``, visible pixels of the object.
        predicted: int64 ``(t,)``, pixels of the prediction.
    """

    ids: tuple[str, ...]
    covered: NDArray[np.int64]
    areas: NDArray[np.int64]
    predicted: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ErrorAnalysis:
    """Error analysis of one sample.

    Attributes:
        sample: ``<video>/<expression>``.
        failure: The error type.
        detail: The objects or frame concerned, for instance ``after frame 5``; empty where the type is sufficient.
        cost: What the sample loses of its score: 1 - J&F, HOTA or METEOR.
        iou: IoU of the prediction with every annotated object over the whole video, by annotation id; empty for
            sentences.
    """

    sample: str
    failure: Failure
    detail: str
    cost: float
    iou: Mapping[str, float]


def classify_error(sample: str, overlaps: Overlaps, targets: Sequence[str], score: float) -> ErrorAnalysis:
    """Return the error type of one sample.

    Args:
        sample: Its id.
        overlaps: The prediction against all annotated objects of the video.
        targets: Annotation ids of the target objects; empty: no target.
        score: J&F or HOTA of the sample, 0..1.
    """
    totals = overlaps.covered.sum(axis=1)
    unions = overlaps.areas.sum(axis=1) + overlaps.predicted.sum() - totals
    iou = {
        name: float(total / union) if union else 0.0
        for name, total, union in zip(overlaps.ids, totals, unions, strict=True)
    }
    failure, detail = _classify(overlaps, tuple(targets), score)
    return ErrorAnalysis(sample, failure, detail, 1 - score, iou)


def track_overlaps(prediction: TrackPrediction, objects: Mapping[str, NDArray[np.int64]], length: int) -> Overlaps:
    """Return the overlap of boxes with every annotated object: its whole box where one belongs to it, else nothing.

    Args:
        prediction: The boxes.
        objects: Boxes of every object ``(t, 4)``, ``x0, y0, x1, y1`` in pixels, half-open, zeros where it is absent, by
            annotation id.
        length: Number of frames t of the video.
    """
    truth = np.array(list(objects.values()), np.float64).reshape(len(objects), length, 4)
    areas = box_areas(truth)
    covered, predicted = np.zeros_like(areas), np.zeros(length)
    for frame, box in zip(prediction.frames.tolist(), prediction.boxes, strict=True):
        predicted[frame] += box_areas(box)
        if objects:
            iou = box_ious(box, truth[:, frame])
            if iou.max() >= MIN_BOX_IOU:
                covered[iou.argmax(), frame] = areas[iou.argmax(), frame]
    return Overlaps(tuple(objects), covered.astype(np.int64), areas.astype(np.int64), predicted.astype(np.int64))


def box_areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the areas ``(...)`` of boxes ``(..., 4)``, in pixels."""
    area: NDArray[np.float64] = np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1)
    return area


def box_ious(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the IoU ``(n,)`` of a box ``(4,)`` with each of ``others`` ``(n, 4)``; 0 with an empty one."""
    corners = np.concatenate([np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])], axis=1)
    common = box_areas(corners)
    union = box_areas(box) + box_areas(others) - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def classify_tracks(
    sample: str, overlaps: Overlaps, targets: Sequence[str], score: float, switches: float
) -> ErrorAnalysis:
    """Return the error type of the boxes of one sample.

    Args:
        sample: Its id.
        overlaps: The boxes against all annotated objects, see :func:`track_overlaps`.
        targets: Annotation ids of the target objects; empty: no target.
        score: HOTA of the sample, 0..1.
        switches: Number of identity switches (IDSW).
    """
    analysis = classify_error(sample, overlaps, targets, score)
    if targets and switches and analysis.failure in (Failure.CORRECT, Failure.BOUNDARY):
        times = "once" if switches == 1 else f"{switches:g} times"
        return replace(analysis, failure=Failure.SWITCHED, detail=times)
    return analysis


def classify_caption(sample: str, caption: str, score: float, repeated: bool) -> ErrorAnalysis:
    """Return the error type of one sentence.

    Args:
        sample: The sample's id.
        caption: The sentence.
        score: Its METEOR, 0..1.
        repeated: Whether another target of the same video got it as well.
    """
    if not caption.strip():
        failure = Failure.SILENT
    elif repeated:
        failure = Failure.REPEATED
    else:
        failure = Failure.CLOSE if score >= MIN_CLOSE_METEOR else Failure.FAR
    return ErrorAnalysis(sample, failure, "", 1 - score, {})


def _classify(overlaps: Overlaps, targets: tuple[str, ...], score: float) -> tuple[Failure, str]:
    empty = not overlaps.predicted.any()
    if not targets:
        return (Failure.CORRECT, "") if empty else (Failure.HALLUCINATED, "")
    if empty:
        return Failure.MISSED, ""
    shares = overlaps.covered.sum(axis=1) / np.maximum(overlaps.areas.sum(axis=1), 1)
    segmented = {name for name, share in zip(overlaps.ids, shares, strict=True) if share >= MIN_OBJECT_COVERAGE}
    true_positives, false_positives = segmented.intersection(targets), sorted(segmented.difference(targets))
    if len(targets) == 1 and (switch := _identity_switch(overlaps, targets[0])):
        return Failure.SWITCHED, switch
    if not false_positives and (frame := _last_tracked_frame(overlaps, targets)) is not None:
        return Failure.LOST, f"after frame {frame}"
    if not true_positives:
        if false_positives:
            return Failure.WRONG, f"{', '.join(false_positives)} instead"
        return Failure.BACKGROUND, ""
    if len(true_positives) < len(targets):
        missed = [name for name in targets if name not in segmented]
        return Failure.INCOMPLETE, f"without {', '.join(missed)}"
    if false_positives:
        return Failure.EXTRA, f"with {', '.join(false_positives)}"
    return (Failure.CORRECT, "") if score >= MIN_CORRECT_SCORE else (Failure.BOUNDARY, "")


def _identity_switch(overlaps: Overlaps, target: str) -> str | None:
    """Return ``from A to B`` if the prediction changes between the target and another object, else ``None``."""
    claimed = overlaps.covered.any(axis=0)
    largest = np.asarray(overlaps.ids)[overlaps.covered.argmax(axis=0)][claimed]
    if largest.size == 0 or (largest == target).mean() < MIN_FRAME_SHARE:
        return None
    for name in sorted(set(largest.tolist()) - {target}):
        if (largest == name).mean() >= MIN_FRAME_SHARE:
            first, second = (target, name) if largest[0] == target else (name, target)
            return f"from {first} to {second}"
    return None


def _last_tracked_frame(overlaps: Overlaps, targets: tuple[str, ...]) -> int | None:
    """Return the last frame (0-based) in which a target that is lost for good is covered; ``None``: it is not lost."""
    rows = [overlaps.ids.index(name) for name in targets]
    areas = overlaps.areas[rows].sum(axis=0)
    visible = np.flatnonzero(areas)
    if visible.size == 0:
        return None
    coverage = overlaps.covered[rows].sum(axis=0)[visible] / areas[visible]
    tracked = np.flatnonzero(coverage >= MIN_OBJECT_COVERAGE)
    if tracked.size < max(1, MIN_FRAME_SHARE * visible.size):
        return None
    after = coverage[tracked[-1] + 1 :]
    if after.size >= max(2, MIN_FRAME_SHARE * visible.size) and (after < MAX_LOST_COVERAGE).all():
        return int(visible[tracked[-1]])
    return None


@dataclass(frozen=True, slots=True)
class FailureCount:
    """Number of samples with one error type, and what the run loses to it."""

    failure: Failure
    samples: int
    cost: float
    """Score that the run loses to it, 0..1: the costs of its samples over the number of all samples."""


def count_failures(analyses: Sequence[ErrorAnalysis]) -> tuple[FailureCount, ...]:
    """Count error types, costliest first; types without a sample are left out."""
    counts = []
    for failure in Failure:
        costs = [analysis.cost for analysis in analyses if analysis.failure is failure]
        if costs:
            counts.append(FailureCount(failure, len(costs), sum(costs) / len(analyses)))
    return tuple(sorted(counts, key=lambda count: -count.cost))


def confusion(
    analyses: Sequence[ErrorAnalysis], targets: Mapping[str, Sequence[str]]
) -> Mapping[str, Mapping[str, float]]:
    """Return the confusion matrix of one video's objects.

    Args:
        analyses: The video's samples.
        targets: Annotation ids by sample; only samples with exactly one target count.

    Returns:
        Mean IoU by target object, then by annotated object; a perfect method has 1 on the diagonal.
    """
    ious_by_target: dict[str, list[Mapping[str, float]]] = {}
    for analysis in analyses:
        if analysis.iou and len(targets[analysis.sample]) == 1:
            ious_by_target.setdefault(targets[analysis.sample][0], []).append(analysis.iou)
    return {
        target: {name: float(np.mean([iou[name] for iou in ious])) for name in ious[0]}
        for target, ious in sorted(ious_by_target.items())
    }


def no_target_curve(scores: Sequence[tuple[float, bool]]) -> tuple[tuple[float, float, float], ...]:
    """Return N-acc. against T-acc. over every threshold on the method's own target score.

    Args:
        scores: For each sample, the method's confidence that there is a target, and whether there is one.

    Returns:
        ``(threshold, N-acc, T-acc)`` sorted by threshold: a sample with a score below it counts as "no target".
        Empty where all samples, or none, have a target.
    """
    with_target = np.array([score for score, has_target in scores if has_target])
    without = np.array([score for score, has_target in scores if not has_target])
    if not with_target.size or not without.size:
        return ()
    thresholds = sorted({0.0, *(score for score, _ in scores), np.inf})
    return tuple((float(t), float((without < t).mean()), float((with_target >= t).mean())) for t in thresholds)
