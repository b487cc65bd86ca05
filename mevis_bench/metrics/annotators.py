"""Ref-DAVIS17 by annotator: the answers of one annotator as label images, scored as DAVIS's own tool scores them."""

from collections.abc import Sequence
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks import MaskRows
from mevis_bench.metrics.aggregation import ScoredSample, Values, mean_of, selected
from mevis_bench.metrics.metric import Metric
from mevis_bench.metrics.protocols import ScoringProtocol
from mevis_bench.metrics.segmentation import measures_by_frame
from mevis_bench.records import MevisBenchError

_SOURCE = "davis2017-evaluation, metrics.py and utils.py; mean of four annotators: ReferFormer, issue 30"

RECALL_AND_DECAY: tuple[Metric, ...] = tuple(
    Metric(
        f"{name}-{kind}",
        f"{meaning} of {name} over the frames of an object.",
        _SOURCE,
        higher_is_better=kind == "recall",
        range=(0.0, 1.0) if kind == "recall" else (-1.0, 1.0),
    )
    for name in ("J", "F")
    for kind, meaning in (("recall", "Share above 0.5"), ("decay", "Mean of the first minus mean of the last quarter"))
)

Frames = NDArray[np.float64]
"""A measure of every frame, ``(t,)``."""

_COLUMNS = ("J&F", "J", "F", *(metric.name for metric in RECALL_AND_DECAY))

UNASSIGNED: Values = dict.fromkeys(_COLUMNS)
"""Values of a sample without an object of its own, which is in no mean."""


def label_images(masks: Sequence[NDArray[np.bool_]]) -> list[NDArray[np.bool_]]:
    """Return masks without overlap, as one label image per frame holds them: the first mask keeps a shared pixel.

    Args:
        masks: One bool ``(t, h, w)`` per answer, in the order of the objects.
    """
    taken = np.zeros_like(masks[0])
    apart = []
    for mask in masks:
        apart.append(mask & ~taken)
        taken |= mask
    return apart


def score_annotator(
    answers: Sequence[NDArray[np.bool_]],
    objects: Sequence[NDArray[np.bool_]],
    void: NDArray[np.bool_] | None,
    protocol: ScoringProtocol,
) -> list[Values]:
    """Score the answers of one annotator for one video.

    Args:
        answers: One bool ``(t, h, w)`` per answer, at least one; overlaps go to the first one.
        objects: True masks, of the same shape.
        void: Pixels that are taken out of both sides, of the same shape; ``None``: there are none.
        protocol: Its ``matching``, ``scored_frames``, ``void`` and ``boundary_tolerance``.

    Returns:
        One row per object: ``J``, ``F``, ``J&F``, ``J-recall``, ``J-decay``, ``F-recall`` and ``F-decay`` of an answer
        with the object that is assigned to it, in the order of the answers, not of the objects.
    """
    absent = np.zeros_like(answers[0])
    answers = [*answers, *[absent] * (len(objects) - len(answers))]
    frames = _scored_frames(protocol, len(absent))
    kept = np.ones_like(absent[frames]) if void is None or protocol.void == "background" else ~void[frames]
    predicted = [MaskRows.from_dense(mask[frames] & kept) for mask in label_images(answers)]
    true = [MaskRows.from_dense(mask[frames] & kept) for mask in objects]
    return [_row(j, f) for j, f in _assigned(predicted, true, protocol)]


def _row(j: Frames, f: Frames) -> Values:
    j_mean, f_mean = float(np.mean(j)), float(np.mean(f))
    return {
        "J&F": (j_mean + f_mean) / 2,
        "J": j_mean,
        "F": f_mean,
        "J-recall": _recall(j),
        "J-decay": _decay(j),
        "F-recall": _recall(f),
        "F-decay": _decay(f),
    }


def _scored_frames(protocol: ScoringProtocol, length: int) -> slice:
    match protocol.scored_frames:
        case "all":
            return slice(None)
        case "inner":
            return slice(1, length - 1)
        case _:
            assert_never(protocol.scored_frames)


def _assigned(
    predicted: Sequence[MaskRows], true: Sequence[MaskRows], protocol: ScoringProtocol
) -> list[tuple[Frames, Frames]]:
    """Return J and F by frame of every answer to which an object is assigned."""
    tolerance = protocol.boundary_tolerance
    match protocol.matching:
        case "identity":
            return [measures_by_frame(*pair, tolerance) for pair in zip(predicted, true, strict=False)]
        case "hungarian":
            pass
        case _:
            assert_never(protocol.matching)
    from scipy.optimize import linear_sum_assignment

    table = [[measures_by_frame(answer, target, tolerance) for target in true] for answer in predicted]
    means = np.array([[(np.mean(j) + np.mean(f)) / 2 for j, f in row] for row in table]).reshape(len(table), len(true))
    answers, targets = linear_sum_assignment(-means)
    return [table[answer][target] for answer, target in zip(answers, targets, strict=True)]


def _recall(values: Frames) -> float:
    return float(np.mean(values > 0.5))


def _decay(values: Frames) -> float | None:
    """Return the mean of the first quarter minus that of the last one, cut as the original cuts.

    It keeps frame numbers in eight bits, so beyond 256 frames its quarters are not quarters; nor are these. ``None``
    where one of them is empty.
    """
    edges = [int(edge) % 256 for edge in np.round(np.linspace(1, len(values), 5) + 1e-10) - 1]
    first, last = values[edges[0] : (edges[1] + 1) % 256], values[edges[3] : (edges[4] + 1) % 256]
    return float(np.mean(first) - np.mean(last)) if first.size and last.size else None


class AnnotatorAggregator:
    """Means over the objects of all videos, then over annotators."""

    notes: Sequence[str] = ()
    failure: MevisBenchError | None = None

    def __init__(self) -> None:
        self._values: list[Values] = []
        self._annotators: list[str] = []

    def update(self, samples: Sequence[ScoredSample]) -> None:
        """Add samples, whose ``statistics`` name their annotator."""
        self._values += [sample.values for sample in samples]
        self._annotators += [str(sample.statistics) for sample in samples]

    def sample_values(self) -> Sequence[Values]:
        """Return every sample's values."""
        return self._values

    def compute(self, indices: Sequence[int] | None = None) -> Values:
        """Return the mean of the annotators' means."""
        by_annotator: dict[str, list[Values]] = {}
        chosen = zip(selected(self._values, indices), selected(self._annotators, indices), strict=True)
        for values, annotator in chosen:
            by_annotator.setdefault(annotator, []).append(values)
        means = [_means(rows) for _, rows in sorted(by_annotator.items())]
        return {name: mean_of([mean[name] for mean in means]) for name in _COLUMNS}

    def close(self) -> None:
        """No-op."""


def _means(rows: Sequence[Values]) -> Values:
    means = {name: mean_of([row[name] for row in rows]) for name in _COLUMNS}
    j, f = means["J"], means["F"]
    return {**means, "J&F": None if j is None or f is None else (j + f) / 2}
