"""RMOT of one expression and of a split: HOTA three ways, because the paper's rule for no-target samples is open.

``HOTA`` is TrackEval's COMBINED over all expressions: every box weighs the same, a correct "no target" adds nothing.
``HOTA*_macro`` is the mean over expressions, where a correct "no target" scores 1 and a wrong one 0 (the words of the
paper, section 5.5). ``HOTA*_pooled`` is COMBINED where a correct "no target" adds one faultless track as long as the
video.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np

from mevis_bench.masks.tracks import to_tracks
from mevis_bench.metrics.aggregation import Measured, Measurement, Values, mean_of
from mevis_bench.metrics.no_target import target_accuracy
from mevis_bench.metrics.rules import ScoringOptions
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


def measure_tracks(
    prediction: TrackPrediction, ground_truth: GroundTruth, targets: TargetCache, rules: ScoringOptions
) -> Measurement:
    """Score one expression's tracks.

    Returns:
        ``HOTA``, ``DetA``, ``AssA``, ``LocA`` of the sequence; ``HOTA*``, ``DetA*``, ``AssA*``: the same, but 1 or 0
        without a target; ``N-acc``, ``T-acc``.

    Raises:
        DataError: The tracks contradict themselves or leave the video's frames.
    """
    true = to_tracks(list(targets.target(ground_truth).objects.values()))
    check_tracks(prediction, ground_truth.length, ground_truth.sample)
    counts = count_sequence(true, prediction, rules.device)
    return _measurement(counts, ground_truth, predicted_empty=prediction.frames.size == 0)


def measure_no_tracks(ground_truth: GroundTruth, targets: TargetCache) -> Measurement:
    """Return the values of a sample whose prediction is missing: every true box missed, and wrong about the target."""
    empty = to_tracks([])
    counts = count_sequence(to_tracks(list(targets.target(ground_truth).objects.values())), empty)
    return _measurement(counts, ground_truth, predicted_empty=bool(ground_truth.objects))


def _measurement(counts: SequenceCounts, ground_truth: GroundTruth, predicted_empty: bool) -> Measurement:
    has_target = bool(ground_truth.objects)
    scores = hota_scores(counts)
    plain = {"HOTA": scores.hota, "DetA": scores.deta, "AssA": scores.assa}
    starred = {f"{name}*": value if has_target else float(predicted_empty) for name, value in plain.items()}
    values = {**plain, "LocA": scores.loca, **starred, **target_accuracy(has_target, predicted_empty)}
    rewarded = not has_target and predicted_empty
    pooled = combined([counts, perfect_track(ground_truth.length)]) if rewarded else counts
    return Measurement(values, (counts, pooled))


class TrackCorpus:
    """The measured expressions of a split."""

    notes: Sequence[str] = ()

    def __init__(self) -> None:
        self._values: Sequence[Values] = ()
        self._statistics: Sequence[Statistics] = ()

    def take(self, measured: Sequence[Measured]) -> None:
        """Take all samples."""
        self._values = [sample.values for sample in measured]
        self._statistics = [cast(Statistics, sample.statistics) for sample in measured]

    def values(self) -> Sequence[Values]:
        """Return every sample's values."""
        return self._values

    def metrics(self, chosen: Sequence[int]) -> Values:
        """Return the three variants, N-acc. and T-acc.; undefined where no box is true or predicted."""
        kept = [self._values[index] for index in chosen]
        micro = _scores([self._statistics[index][0] for index in chosen])
        pooled = _scores([self._statistics[index][1] for index in chosen])
        return {
            **micro,
            **{f"{name}*_macro": mean_of([values[f"{name}*"] for values in kept]) for name in ("HOTA", "DetA", "AssA")},
            **{f"{name}*_pooled": pooled[name] for name in ("HOTA", "DetA", "AssA")},
            "N-acc": mean_of([values["N-acc"] for values in kept]),
            "T-acc": mean_of([values["T-acc"] for values in kept]),
        }

    def close(self) -> None:
        """Nothing is held."""


def _scores(counts: Sequence[SequenceCounts]) -> dict[str, float | None]:
    total = combined(counts)
    if not np.any(total.matches + total.missed + total.surplus):
        return dict.fromkeys(("HOTA", "DetA", "AssA", "LocA"))
    scores = hota_scores(total)
    return {"HOTA": scores.hota, "DetA": scores.deta, "AssA": scores.assa, "LocA": scores.loca}
