"""RMOT of one expression and of a split: HOTA three ways, because the paper's rule for no-target samples is open.

``HOTA`` is TrackEval's COMBINED over all expressions: every box weighs the same, a correct "no target" adds nothing.
``HOTA*_macro`` is the mean over expressions, where a correct "no target" scores 1 and a wrong one 0 (the words of the
paper, section 5.5). ``HOTA*_pooled`` is COMBINED where a correct "no target" adds one perfect track as long as the
video.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np

from mevis_bench.masks.tracks import to_tracks
from mevis_bench.metrics.aggregation import SampleMetrics, ScoredSample, Values, average, selected
from mevis_bench.metrics.metric import Metric
from mevis_bench.metrics.no_target import N_ACC, T_ACC, target_accuracy
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.metrics.tracking import (
    SequenceCounts,
    check_tracks,
    combined,
    count_sequence,
    hota_scores,
    perfect_track,
)
from mevis_bench.records import GroundTruth, TrackPrediction

Statistics = tuple[SequenceCounts, SequenceCounts]
"""The counts of one expression, for COMBINED and for the pooled variant."""

_NO_BOX = "no box is true or predicted in the selected samples"
_MEANINGS = {
    "HOTA": "Higher order tracking accuracy, geometric mean of DetA and AssA",
    "DetA": "Detection accuracy",
    "AssA": "Association accuracy",
    "LocA": "Localization accuracy: mean IoU of matched boxes",
}


def _combined_metric(name: str) -> Metric:
    return Metric(name, f"{_MEANINGS[name]}; counts pooled over all sequences.", "TrackEval, COMBINED", _NO_BOX)


def _macro_metric(name: str) -> Metric:
    meaning = f'{_MEANINGS[name]}; mean over expressions, a correct "no target" scores 1, a wrong one 0.'
    return Metric(f"{name}*_macro", meaning, "the paper, section 5.5")


def _pooled_metric(name: str) -> Metric:
    meaning = f'{_MEANINGS[name]}; counts pooled, a correct "no target" adds one perfect track.'
    return Metric(f"{name}*_pooled", meaning, "the paper, Table 10", _NO_BOX, paper_name=f"{name}*")


TRACK_METRICS: tuple[Metric, ...] = (
    *(_combined_metric(name) for name in ("HOTA", "DetA", "AssA", "LocA")),
    *(_macro_metric(name) for name in ("HOTA", "DetA", "AssA")),
    *(_pooled_metric(name) for name in ("HOTA", "DetA", "AssA")),
    N_ACC,
    T_ACC,
)


def score_track_sample(
    prediction: TrackPrediction, ground_truth: GroundTruth, targets: TargetCache, options: ScoringOptions
) -> SampleMetrics:
    """Score one expression's tracks.

    Returns:
        ``HOTA``, ``DetA``, ``AssA``, ``LocA`` of the sequence; ``HOTA*``, ``DetA*``, ``AssA*``: the same, but 1 or 0
        without a target; ``N-acc``, ``T-acc``.

    Raises:
        DataError: The tracks contradict themselves or leave the video's frames.
    """
    true = to_tracks(list(targets.target(ground_truth).objects.values()))
    check_tracks(prediction, ground_truth.length, ground_truth.sample)
    counts = count_sequence(true, prediction, options.rules.hota_thresholds, options.device)
    return sequence_metrics(
        counts, ground_truth.length, bool(ground_truth.objects), predicted_empty=prediction.frames.size == 0
    )


def score_missing_tracks(ground_truth: GroundTruth, targets: TargetCache, options: ScoringOptions) -> SampleMetrics:
    """Return the values of a sample without a prediction: every true box missed, and wrong about the target."""
    true = to_tracks(list(targets.target(ground_truth).objects.values()))
    counts = count_sequence(true, to_tracks([]), options.rules.hota_thresholds)
    has_target = bool(ground_truth.objects)
    return sequence_metrics(counts, ground_truth.length, has_target, predicted_empty=has_target)


def sequence_metrics(counts: SequenceCounts, length: int, has_target: bool, predicted_empty: bool) -> SampleMetrics:
    """Return the values of one expression from the counts of its sequence of ``length`` frames."""
    scores = hota_scores(counts)
    plain = {"HOTA": scores.hota, "DetA": scores.deta, "AssA": scores.assa}
    starred = {f"{name}*": value if has_target else float(predicted_empty) for name, value in plain.items()}
    values = {**plain, "LocA": scores.loca, **starred, **target_accuracy(has_target, predicted_empty)}
    rewarded = not has_target and predicted_empty
    pooled = combined([counts, perfect_track(length, counts.tp.size)]) if rewarded else counts
    return SampleMetrics(values, (counts, pooled))


class TrackAggregator:
    """``TRACK_METRICS`` of a split."""

    notes: Sequence[str] = ()

    def __init__(self, options: ScoringOptions) -> None:
        self._averaging = options.rules.averaging
        self._values: list[Values] = []
        self._statistics: list[Statistics] = []

    def update(self, samples: Sequence[ScoredSample]) -> None:
        """Add samples."""
        self._values += [sample.values for sample in samples]
        self._statistics += [cast(Statistics, sample.statistics) for sample in samples]

    def sample_values(self) -> Sequence[Values]:
        """Return every sample's values."""
        return self._values

    def compute(self, indices: Sequence[int] | None = None) -> Values:
        """Return the three variants, N-acc. and T-acc.; undefined where no box is true or predicted."""
        rows, statistics = selected(self._values, indices), selected(self._statistics, indices)
        pooled = _pooled_scores([counts for _, counts in statistics])
        return {
            **_pooled_scores([counts for counts, _ in statistics]),
            **{f"{name}*_macro": self._mean(f"{name}*", rows) for name in ("HOTA", "DetA", "AssA")},
            **{f"{name}*_pooled": pooled[name] for name in ("HOTA", "DetA", "AssA")},
            "N-acc": self._mean("N-acc", rows),
            "T-acc": self._mean("T-acc", rows),
        }

    def close(self) -> None:
        """No-op."""

    def _mean(self, name: str, rows: Sequence[Values]) -> float | None:
        return average([values[name] for values in rows], self._averaging)


def _pooled_scores(counts: Sequence[SequenceCounts]) -> dict[str, float | None]:
    undefined: dict[str, float | None] = dict.fromkeys(("HOTA", "DetA", "AssA", "LocA"))
    if not counts:
        return undefined
    total = combined(counts)
    if not np.any(total.tp + total.fn + total.fp):
        return undefined
    scores = hota_scores(total)
    return {"HOTA": scores.hota, "DetA": scores.deta, "AssA": scores.assa, "LocA": scores.loca}
