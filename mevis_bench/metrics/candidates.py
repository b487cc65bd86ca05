"""A2D- and JHMDB-Sentences: one frame and several scored candidates per query; mAP, precision at K, IoU."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks import MaskRows
from mevis_bench.metrics.aggregation import SampleMetrics, ScoredSample, Values, mean_of, selected
from mevis_bench.metrics.metric import Metric
from mevis_bench.metrics.region import intersections
from mevis_bench.records import MevisBenchError

_COCO = "pycocotools, COCOeval, segm, useCats 0"
_MTTR = "MTTR, metrics.py (the same in ReferFormer)"

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""K of precision at K."""

CANDIDATE_METRICS: tuple[Metric, ...] = (
    Metric("mAP", "Mean of the average precisions at IoU 0.50, 0.55, ... 0.95.", _COCO, paper_name="mAP"),
    Metric("oIoU", "Overall IoU: sum of intersections over sum of unions.", _MTTR, paper_name="oIoU"),
    Metric("mIoU", "Mean IoU of the candidates with the highest score.", _MTTR, paper_name="mIoU"),
    *(
        Metric(f"P@{k}", f"Share of queries whose candidate with the highest score has IoU > {k}.", _MTTR)
        for k in THRESHOLDS
    ),
    Metric("AP50", "Average precision at IoU 0.50.", _COCO),
    Metric("AP75", "Average precision at IoU 0.75.", _COCO),
    *(
        Metric(
            f"AP_{size}",
            f"mAP of the targets of {pixels} pixels.",
            _COCO,
            undefined=f"no selected target is of {pixels} pixels",
        )
        for size, pixels in (("small", "up to 32^2"), ("medium", "32^2 to 96^2"), ("large", "at least 96^2"))
    ),
)

MAX_CANDIDATES = 100
"""Candidates per query that count for mAP: those with the highest scores."""

_IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
_RECALLS = np.linspace(0.0, 1.0, 101)
_AREAS: Mapping[str, tuple[float, float]] = {
    "all": (0, 1e10),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e10),
}
_EPSILON = np.float32(1e-6)


@dataclass(frozen=True, slots=True, eq=False)
class CandidateStatistics:
    """Input of the aggregator: one query.

    Attributes:
        scores: float64 ``(n,)`` in the order of the prediction.
        ious: float64 ``(n,)``, IoU of each candidate with the target.
        areas: int64 ``(n,)``, pixels of each candidate.
        target_area: Pixels of the target.
        intersection: Pixels that the candidate with the highest score shares with the target; 0 without candidates.
        union: Pixels that either covers.
    """

    scores: NDArray[np.float64]
    ious: NDArray[np.float64]
    areas: NDArray[np.int64]
    target_area: int
    intersection: int
    union: int


def score_candidates(scores: Sequence[float], masks: Sequence[MaskRows], target: MaskRows) -> SampleMetrics:
    """Score the candidates of one query.

    Args:
        scores: One per candidate, any finite number. Of equal highest ones the last candidate counts for precision
            at K and IoU, as in the original.
        masks: One frame each.
        target: One frame.

    Returns:
        ``mIoU`` (the IoU) and ``P@K`` (0 or 1) of the candidate with the highest score. IoU is
        ``(intersection + 1e-6) / (union + 1e-6)`` in 32 bits and compared with K in 64 bits, as in the original: 60 of
        100 pixels are more than 0.6, 70 of 100 are not more than 0.7.
    """
    target_area = int(target.areas()[0])
    shared = np.array([int(intersections(mask, target)[0]) for mask in masks], np.int64)
    areas = np.array([int(mask.areas()[0]) for mask in masks], np.int64)
    unions = areas + target_area - shared
    ious = np.divide(shared, unions, out=np.zeros(len(unions)), where=unions > 0)
    if not len(masks):
        statistics = CandidateStatistics(np.zeros(0), ious, areas, target_area, 0, target_area)
        return SampleMetrics({"mIoU": 0.0, **{f"P@{k}": 0.0 for k in THRESHOLDS}}, statistics)
    best = max(range(len(scores)), key=lambda index: (scores[index], index))
    intersection, union = int(shared[best]), int(unions[best])
    iou = float((np.float32(intersection) + _EPSILON) / (np.float32(union) + _EPSILON))
    values = {"mIoU": iou, **{f"P@{k}": float(iou > k) for k in THRESHOLDS}}
    return SampleMetrics(
        values, CandidateStatistics(np.array(scores, np.float64), ious, areas, target_area, intersection, union)
    )


class CandidateAggregator:
    """``CANDIDATE_METRICS`` of a split."""

    notes: Sequence[str] = ()
    failure: MevisBenchError | None = None

    def __init__(self) -> None:
        self._samples: list[str] = []
        self._values: list[Values] = []
        self._statistics: list[CandidateStatistics] = []

    def update(self, samples: Sequence[ScoredSample]) -> None:
        """Add samples, whose ``statistics`` are :class:`CandidateStatistics`."""
        for sample in samples:
            assert isinstance(sample.statistics, CandidateStatistics)
            self._samples.append(sample.sample)
            self._values.append(sample.values)
            self._statistics.append(sample.statistics)

    def sample_values(self) -> Sequence[Values]:
        """Return every sample's values."""
        return self._values

    def compute(self, indices: Sequence[int] | None = None) -> Values:
        """Return the metrics; means are in the order of the samples, mAP sorts equal scores by sample."""
        rows, queries = selected(self._values, indices), selected(self._statistics, indices)
        by_id = sorted(range(len(queries)), key=selected(self._samples, indices).__getitem__)
        precision = {name: _precision([queries[k] for k in by_id], *area) for name, area in _AREAS.items()}
        union = sum(query.union for query in queries)
        return {
            "mAP": _mean_precision(precision["all"]),
            "oIoU": sum(query.intersection for query in queries) / union if union else None,
            "mIoU": mean_of([row["mIoU"] for row in rows]),
            **{f"P@{k}": mean_of([row[f"P@{k}"] for row in rows]) for k in THRESHOLDS},
            "AP50": _mean_precision(precision["all"][:1]),
            "AP75": _mean_precision(precision["all"][5:6]),
            **{f"AP_{name}": _mean_precision(precision[name]) for name in ("small", "medium", "large")},
        }

    def close(self) -> None:
        """No-op."""


def _mean_precision(precision: NDArray[np.float64]) -> float | None:
    return float(np.mean(precision)) if precision.size else None


def _precision(queries: Sequence[CandidateStatistics], smallest: float, largest: float) -> NDArray[np.float64]:
    """Return precision at 10 IoU thresholds and 101 recalls, ``(10, 101)``, as ``COCOeval`` for one target per image.

    Candidates of targets outside the range of areas are ignored where they match, and so are those that match nothing
    and are outside of it themselves. Without a target in the range the result is ``(0, 101)``.
    """
    inside = [smallest <= query.target_area <= largest for query in queries]
    if not any(inside):
        return np.zeros((0, len(_RECALLS)))
    scores, matched, ignored = [], [], []
    for query, counts in zip(queries, inside, strict=True):
        order = np.argsort(-query.scores, kind="mergesort")[:MAX_CANDIDATES]
        scores.append(query.scores[order])
        hits = query.ious[order] >= np.minimum(_IOU_THRESHOLDS, 1 - 1e-10)[:, None]
        first = hits & (np.cumsum(hits, axis=1) == 1)
        outside = (query.areas[order] < smallest) | (query.areas[order] > largest)
        matched.append(first)
        ignored.append(np.where(first, not counts, outside))
    order = np.argsort(-np.concatenate(scores), kind="mergesort")
    hit, skip = np.concatenate(matched, axis=1)[:, order], np.concatenate(ignored, axis=1)[:, order]
    true = np.cumsum(hit & ~skip, axis=1).astype(np.float64)
    false = np.cumsum(~hit & ~skip, axis=1).astype(np.float64)
    return np.stack([_interpolate(t, f, sum(inside)) for t, f in zip(true, false, strict=True)])


def _interpolate(true: NDArray[np.float64], false: NDArray[np.float64], targets: int) -> NDArray[np.float64]:
    precision = true / (false + true + np.spacing(1))
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(true / targets, _RECALLS, side="left")
    reached = places < len(precision)
    values = np.zeros(len(_RECALLS))
    values[reached] = precision[places[reached]]
    return values
