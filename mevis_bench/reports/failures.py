"""Why a sample scored what it scored: its prediction held against every annotated object of the video."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

HIT = 0.5
"""An object is hit when the prediction covers at least this share of its pixels over the whole video."""

GOOD = 0.75
"""With the right objects hit, J&F from here on is right; below, the outline is what is wrong."""

ENOUGH = 0.2
"""A loss or a switch must last for at least this share of the frames in which the target is visible."""

GONE = 0.1
"""A frame in which less than this share of the target is covered has lost it."""


class Failure(StrEnum):
    """What went wrong, from harmless to worst."""

    RIGHT = "right"
    BOUNDARY = "boundary only"
    LOST = "lost on the way"
    SWITCHED = "identity switch"
    EXTRA = "extra object"
    MISSING = "missing from the set"
    WRONG = "wrong object"
    BACKGROUND = "no object at all"
    EMPTY = "empty on a target"
    HALLUCINATED = "hallucinated"


@dataclass(frozen=True, slots=True)
class Overlaps:
    """How much of every annotated object a prediction covers, frame by frame.

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
    """The diagnosis of one sample.

    Attributes:
        sample: ``<video>/<expression>``.
        failure: What went wrong.
        detail: In words: which object instead of which, after which frame; empty where the name says all.
        cost: J&F lost, ``1 - J&F``.
        iou: Overlap of the prediction with every annotated object over the whole video, by annotation id.
    """

    sample: str
    failure: Failure
    detail: str
    cost: float
    iou: Mapping[str, float]


def diagnose(sample: str, overlaps: Overlaps, targets: Sequence[str], score: float) -> ErrorAnalysis:
    """Diagnose one sample.

    Args:
        sample: Its id.
        overlaps: The prediction against all annotated objects of the video.
        targets: Annotation ids of the target; empty: no target.
        score: J&F of the sample, 0..1.
    """
    totals = overlaps.covered.sum(axis=1)
    unions = overlaps.areas.sum(axis=1) + overlaps.predicted.sum() - totals
    iou = {
        name: float(total / union) if union else 0.0
        for name, total, union in zip(overlaps.ids, totals, unions, strict=True)
    }
    failure, detail = _judge(overlaps, tuple(targets), score)
    return ErrorAnalysis(sample, failure, detail, 1 - score, iou)


def _judge(overlaps: Overlaps, targets: tuple[str, ...], score: float) -> tuple[Failure, str]:
    empty = not overlaps.predicted.any()
    if not targets:
        return (Failure.RIGHT, "") if empty else (Failure.HALLUCINATED, "")
    if empty:
        return Failure.EMPTY, ""
    shares = overlaps.covered.sum(axis=1) / np.maximum(overlaps.areas.sum(axis=1), 1)
    hits = {name for name, share in zip(overlaps.ids, shares, strict=True) if share >= HIT}
    hit, others = [name for name in targets if name in hits], sorted(hits - set(targets))
    if len(targets) == 1 and (switched := _switch(overlaps, targets[0])):
        return Failure.SWITCHED, switched
    if not others and (lost := _loss(overlaps, targets)) is not None:
        return Failure.LOST, f"after frame {lost}"
    if not hit:
        return (Failure.WRONG, f"{', '.join(others)} instead") if others else (Failure.BACKGROUND, "")
    if len(hit) < len(targets):
        missed = [name for name in targets if name not in hits]
        return Failure.MISSING, f"without {', '.join(missed)}"
    if others:
        return Failure.EXTRA, f"with {', '.join(others)}"
    return (Failure.RIGHT, "") if score >= GOOD else (Failure.BOUNDARY, "")


def _switch(overlaps: Overlaps, target: str) -> str | None:
    """Say which object took over from the only target, or the other way round; ``None`` if none did."""
    claimed = overlaps.covered.any(axis=0)
    owners = np.asarray(overlaps.ids)[overlaps.covered.argmax(axis=0)][claimed]
    if owners.size == 0 or (owners == target).mean() < ENOUGH:
        return None
    for other in sorted(set(owners.tolist()) - {target}):
        if (owners == other).mean() >= ENOUGH:
            first, second = (target, other) if owners[0] == target else (other, target)
            return f"from {first} to {second}"
    return None


def _loss(overlaps: Overlaps, targets: tuple[str, ...]) -> int | None:
    """Return the last frame (0-based) with the target in hand, if it is never found again; ``None`` if it is kept."""
    rows = [overlaps.ids.index(name) for name in targets]
    areas = overlaps.areas[rows].sum(axis=0)
    visible = np.flatnonzero(areas)
    if visible.size == 0:
        return None
    shares = overlaps.covered[rows].sum(axis=0)[visible] / areas[visible]
    held = np.flatnonzero(shares >= HIT)
    if held.size < max(1, ENOUGH * visible.size):
        return None
    after = shares[held[-1] + 1 :]
    if after.size >= max(2, ENOUGH * visible.size) and (after < GONE).all():
        return int(visible[held[-1]])
    return None


@dataclass(frozen=True, slots=True)
class FailureCount:
    """How often one kind of failure happened, and what it costs."""

    failure: Failure
    samples: int
    cost: float
    """J&F that the whole run loses to it: the costs of its samples over the number of all samples."""


def count_failures(anatomies: Sequence[ErrorAnalysis]) -> tuple[FailureCount, ...]:
    """Sum up a run by kind of failure, costliest first; kinds that did not happen are left out."""
    counts = []
    for failure in Failure:
        costs = [anatomy.cost for anatomy in anatomies if anatomy.failure is failure]
        if costs:
            counts.append(FailureCount(failure, len(costs), sum(costs) / len(anatomies)))
    return tuple(sorted(counts, key=lambda count: -count.cost))


def confusion(
    anatomies: Sequence[ErrorAnalysis], targets: Mapping[str, Sequence[str]]
) -> Mapping[str, Mapping[str, float]]:
    """Return, for one video, how much predictions asked for one object cover each object.

    Args:
        anatomies: The video's samples.
        targets: Annotation ids by sample; only samples with one target count.

    Returns:
        Mean IoU by asked object and found object; a perfect method has 1 on the diagonal.
    """
    rows: dict[str, list[Mapping[str, float]]] = {}
    for anatomy in anatomies:
        if len(targets[anatomy.sample]) == 1:
            rows.setdefault(targets[anatomy.sample][0], []).append(anatomy.iou)
    return {
        asked: {found: float(np.mean([iou[found] for iou in ious])) for found in ious[0]}
        for asked, ious in sorted(rows.items())
    }


def no_target_curve(scores: Sequence[tuple[float, bool]]) -> tuple[tuple[float, float, float], ...]:
    """Return N-acc. against T-acc. over every threshold on the method's own target score.

    Args:
        scores: The method's confidence that there is a target, and whether there is one; per sample.

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
