"""RMOT of one expression and of a split: HOTA three ways, because the paper's rule for no-target samples is open; CLEAR
and Identity.

``HOTA`` is TrackEval's COMBINED over all expressions: every box weighs the same, a correct "no target" adds nothing.
``HOTA*_macro`` is the mean over expressions, where a correct "no target" scores 1 and a wrong one 0 (the words of the
paper, section 5.5). ``HOTA*_pooled`` is COMBINED where a correct "no target" adds one perfect track as long as the
video.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import cast

import numpy as np

from mevis_bench.masks.tracks import to_tracks
from mevis_bench.metrics.aggregation import SampleMetrics, ScoredSample, Values, mean_of, selected
from mevis_bench.metrics.clear import ClearCounts, clear_scores, combined_clear, count_clear
from mevis_bench.metrics.metric import Metric, SampleMean
from mevis_bench.metrics.no_target import N_ACC, T_ACC, target_accuracy
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.metrics.track_pairs import TrackPairs
from mevis_bench.metrics.tracking import (
    SequenceCounts,
    check_tracks,
    combined,
    count_hota,
    hota_scores,
    perfect_track,
)
from mevis_bench.records import GroundTruth, MevisBenchError, TrackPrediction, UsageError


@dataclass(frozen=True, slots=True, eq=False)
class TrackStatistics:
    """The counts of one expression.

    Attributes:
        hota: For COMBINED.
        rewarded: For ``HOTA*_pooled``.
        clear: CLEAR and Identity.
    """

    hota: SequenceCounts
    rewarded: SequenceCounts
    clear: ClearCounts


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
    return Metric(f"{name}*_macro", meaning, "the paper, section 5.5", average_of=(SampleMean(f"{name}*"),))


def _pooled_metric(name: str) -> Metric:
    meaning = f'{_MEANINGS[name]}; counts pooled, a correct "no target" adds one perfect track.'
    return Metric(f"{name}*_pooled", meaning, "the paper, Table 10", paper_name=f"{name}*")


CLEAR_METRICS = (
    Metric(
        "MOTA",
        "1 minus misses, false boxes and identity switches per true box; counts pooled over all sequences.",
        "TrackEval, CLEAR, COMBINED",
        _NO_BOX,
        range=(-inf, 1.0),
    ),
    Metric("MOTP", "Mean IoU of the boxes that CLEAR matches; pooled.", "TrackEval, CLEAR, COMBINED", _NO_BOX),
    Metric(
        "IDSW",
        "Number of identity switches.",
        "TrackEval, CLEAR, COMBINED",
        _NO_BOX,
        higher_is_better=False,
        range=(0.0, inf),
        unit="raw",
        gated=False,
    ),
    Metric("IDF1", "F1 of boxes matched track by track; pooled.", "TrackEval, Identity, COMBINED", _NO_BOX),
)

TRACK_METRICS: tuple[Metric, ...] = (
    *(_combined_metric(name) for name in ("HOTA", "DetA", "AssA", "LocA")),
    *(_macro_metric(name) for name in ("HOTA", "DetA", "AssA")),
    *(_pooled_metric(name) for name in ("HOTA", "DetA", "AssA")),
    *CLEAR_METRICS,
    N_ACC,
    T_ACC,
)


def true_tracks(ground_truth: GroundTruth, targets: TargetCache, options: ScoringOptions) -> TrackPrediction:
    """Return the tracks that are right: the data set's boxes in the protocol's version, or boxes around its masks.

    Raises:
        UsageError: The protocol is of boxes that the data set does not have.
    """
    version = options.rules.boxes
    if version in ground_truth.boxes:
        return ground_truth.boxes[version]
    if version != "annotated":
        raise UsageError(
            f"protocol {options.rules.name} is of data sets with boxes",
            location=ground_truth.sample,
            hint="Use it with Refer-KITTI, or leave out --protocol.",
        )
    return to_tracks(list(targets.target(ground_truth).objects.values()))


def score_track_sample(
    prediction: TrackPrediction, ground_truth: GroundTruth, targets: TargetCache, options: ScoringOptions
) -> SampleMetrics:
    """Score one expression's tracks.

    Returns:
        ``HOTA``, ``DetA``, ``AssA``, ``LocA`` of the sequence; ``HOTA*``, ``DetA*``, ``AssA*``: the same, but 1 or 0
        without a target; ``MOTA``, ``MOTP``, ``IDSW``, ``IDF1``; ``N-acc``, ``T-acc``.

    Raises:
        DataError: The tracks contradict themselves or leave the video's frames.
    """
    true = true_tracks(ground_truth, targets, options)
    check_tracks(prediction, ground_truth.length, ground_truth.sample)
    return sequence_metrics(
        TrackPairs.of(true, prediction),
        ground_truth.length,
        options.rules.hota_thresholds,
        has_target=bool(ground_truth.objects),
        predicted_empty=prediction.frames.size == 0,
    )


def score_missing_tracks(ground_truth: GroundTruth, targets: TargetCache, options: ScoringOptions) -> SampleMetrics:
    """Return the values of a sample without a prediction: every true box missed, and wrong about the target."""
    true = true_tracks(ground_truth, targets, options)
    has_target = bool(ground_truth.objects)
    return sequence_metrics(
        TrackPairs.of(true, to_tracks([])),
        ground_truth.length,
        options.rules.hota_thresholds,
        has_target=has_target,
        predicted_empty=has_target,
    )


def sequence_metrics(
    pairs: TrackPairs, length: int, thresholds: Sequence[float], *, has_target: bool, predicted_empty: bool
) -> SampleMetrics:
    """Return the values of one expression from the boxes of its sequence of ``length`` frames."""
    counts, clear = count_hota(pairs, thresholds), count_clear(pairs)
    scores = hota_scores(counts)
    plain = {"HOTA": scores.hota, "DetA": scores.deta, "AssA": scores.assa}
    starred = {f"{name}*": value if has_target else float(predicted_empty) for name, value in plain.items()}
    values = {
        **plain,
        "LocA": scores.loca,
        **starred,
        **_clear_values(clear),
        **target_accuracy(has_target, predicted_empty),
    }
    rewarded = not has_target and predicted_empty
    pooled = combined([counts, perfect_track(length, counts.tp.size)]) if rewarded else counts
    return SampleMetrics(values, TrackStatistics(counts, pooled, clear))


class TrackAggregator:
    """``TRACK_METRICS`` of a split."""

    failure: MevisBenchError | None = None

    def __init__(self) -> None:
        self._values: list[Values] = []
        self._statistics: list[TrackStatistics] = []

    def update(self, samples: Sequence[ScoredSample]) -> None:
        """Add samples."""
        self._values += [sample.values for sample in samples]
        self._statistics += [cast(TrackStatistics, sample.statistics) for sample in samples]

    @property
    def notes(self) -> Sequence[str]:
        """Remarks for the reader: HOTA says nothing about tracking where no sample has a true box."""
        if any((one.hota.tp + one.hota.fn).any() for one in self._statistics):
            return ()
        return ("no sample has a true box: HOTA, DetA and AssA are 0 where a box is predicted, else undefined",)

    def sample_values(self) -> Sequence[Values]:
        """Return every sample's values."""
        return self._values

    def compute(self, indices: Sequence[int] | None = None) -> Values:
        """Return ``TRACK_METRICS``; HOTA, CLEAR and Identity are undefined where no box is true or predicted."""
        rows, statistics = selected(self._values, indices), selected(self._statistics, indices)
        pooled = _pooled_scores([counts.rewarded for counts in statistics])
        return {
            **_pooled_scores([counts.hota for counts in statistics]),
            **{f"{name}*_macro": self._mean(f"{name}*", rows) for name in ("HOTA", "DetA", "AssA")},
            **{f"{name}*_pooled": pooled[name] for name in ("HOTA", "DetA", "AssA")},
            **_clear_values(combined_clear([counts.clear for counts in statistics])),
            "N-acc": self._mean("N-acc", rows),
            "T-acc": self._mean("T-acc", rows),
        }

    def close(self) -> None:
        """No-op."""

    def _mean(self, name: str, rows: Sequence[Values]) -> float | None:
        return mean_of([values[name] for values in rows])


def _pooled_scores(counts: Sequence[SequenceCounts]) -> dict[str, float | None]:
    undefined: dict[str, float | None] = dict.fromkeys(("HOTA", "DetA", "AssA", "LocA"))
    if not counts:
        return undefined
    total = combined(counts)
    if not np.any(total.tp + total.fn + total.fp):
        return undefined
    scores = hota_scores(total)
    return {"HOTA": scores.hota, "DetA": scores.deta, "AssA": scores.assa, "LocA": scores.loca}


def _clear_values(counts: ClearCounts) -> dict[str, float | None]:
    """Return ``CLEAR_METRICS``; undefined where no box is true or predicted."""
    if counts.true + counts.predicted == 0:
        return dict.fromkeys(metric.name for metric in CLEAR_METRICS)
    scores = clear_scores(counts)
    return {"MOTA": scores.mota, "MOTP": scores.motp, "IDSW": scores.switches, "IDF1": scores.idf1}
