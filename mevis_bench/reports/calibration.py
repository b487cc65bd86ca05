"""Choice of a no-target threshold: below which target score an expression should count as "no target".

A threshold is chosen on a split that is not the one that is reported. How well it carries over is estimated on the
same split: it is chosen on four fifths of the videos and measured on the others, for each fifth in turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import NothingMeasuredError, UsageError
from mevis_bench.reports.run_view import RunView, ScoredRun
from mevis_bench.reports.sample_view import Masks

Objective = Literal["balanced", "final"]
"""``balanced``: mean of N-acc. and T-acc.; ``final``: of J&F, N-acc. and T-acc., as in the MeViS challenges of 2026."""

FOLDS = 5

PROTOCOL = "mevis_v2"
"""The protocol in which an empty prediction scores 1 without a target and 0 with one, whatever the frames."""


@dataclass(frozen=True, slots=True)
class CalibrationSample:
    """One sample, as the choice depends on it.

    Attributes:
        video: Its video.
        has_target: Whether there is a target.
        target_score: The method's confidence in it, 0..1.
        is_empty: Whether the prediction is empty already.
        jf: J&F of the prediction as it is, 0..1.
    """

    video: str
    has_target: bool
    target_score: float
    is_empty: bool
    jf: float


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Results with one threshold, fractions.

    Attributes:
        threshold: Samples with a target score below it are empty.
        n_acc: N-acc.
        t_acc: T-acc.
        jf: J&F.
        objective: What is maximized.
    """

    threshold: float
    n_acc: float
    t_acc: float
    jf: float
    objective: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The chosen threshold.

    Attributes:
        samples: Number of samples.
        before: Without a threshold.
        chosen: With the best one; of equal ones the smallest.
        cross_validated: Objective on videos that the threshold was not chosen on; ``None``: too few videos.
    """

    samples: int
    before: OperatingPoint
    chosen: OperatingPoint
    cross_validated: float | None


def read_calibration_samples(scored: ScoredRun) -> list[CalibrationSample]:
    """Read the samples of a scored run.

    Raises:
        UsageError: The run was scored by another protocol, or predictions have no target score.
        DataError: A prediction is broken.
    """
    if scored.results.protocol != PROTOCOL:
        raise UsageError(
            f"a threshold is chosen by protocol {PROTOCOL}, the run was scored by {scored.results.protocol}",
            location=str(scored.path),
            hint=f"Score it again: mevis-bench score {scored.path} --protocol {PROTOCOL}",
        )
    view = RunView(scored)
    samples = []
    for video_id in scored.dataset.video_ids:
        for sample in view.video(video_id):
            content = sample.content
            if not isinstance(content, Masks) or content.target_score is None:
                raise UsageError(
                    "the prediction has no target score, so there is nothing to put a threshold on",
                    location=sample.row.sample,
                    hint="mevis-bench show method NAME tells which methods have an option target_threshold.",
                )
            samples.append(
                CalibrationSample(
                    video_id,
                    bool(sample.expression.annotation_ids),
                    content.target_score,
                    not int(content.prediction.areas().sum()),
                    sample.score,
                )
            )
    return samples


def calibrate(samples: Sequence[CalibrationSample], objective: Objective) -> Calibration:
    """Choose the threshold that maximizes an objective.

    Raises:
        NothingMeasuredError: There are no samples with, or none without a target.
    """
    if len({sample.has_target for sample in samples}) < 2:
        raise NothingMeasuredError(
            "a threshold needs samples with a target and samples without one",
            hint="Choose it on a split that has both, for instance valid_u of MeViSv2.",
        )
    columns = _Columns(samples, objective)
    chosen = columns.best()
    return Calibration(len(samples), columns.at(0.0), chosen, _cross_validate(samples, objective))


class _Columns:
    """Samples as arrays."""

    def __init__(self, samples: Sequence[CalibrationSample], objective: Objective) -> None:
        self.objective = objective
        self.target = np.array([sample.has_target for sample in samples])
        self.score = np.array([sample.target_score for sample in samples])
        self.empty = np.array([sample.is_empty for sample in samples])
        self.jf = np.array([sample.jf for sample in samples])

    def at(self, threshold: float) -> OperatingPoint:
        """Measure one threshold."""
        below: NDArray[np.bool_] = self.score < threshold
        empty = self.empty | below
        n_acc, t_acc = float(empty[~self.target].mean()), float((~empty[self.target]).mean())
        region = float(np.where(below, ~self.target, self.jf).mean())
        parts = [n_acc, t_acc] if self.objective == "balanced" else [region, n_acc, t_acc]
        return OperatingPoint(threshold, n_acc, t_acc, region, float(np.mean(parts)))

    def best(self) -> OperatingPoint:
        """Measure 0 and the middle between any two neighboring scores, and return the best."""
        scores = np.unique(self.score)
        thresholds = [0.0, *((scores[:-1] + scores[1:]) / 2).tolist()]
        return max((self.at(threshold) for threshold in thresholds), key=lambda point: point.objective)


def _cross_validate(samples: Sequence[CalibrationSample], objective: Objective) -> float | None:
    videos = sorted({sample.video for sample in samples})
    if len(videos) < FOLDS:
        return None
    fold = {video: index % FOLDS for index, video in enumerate(videos)}
    kept: list[CalibrationSample] = []
    for number in range(FOLDS):
        others = [sample for sample in samples if fold[sample.video] != number]
        if len({sample.has_target for sample in others}) < 2:
            return None
        threshold = _Columns(others, objective).best().threshold
        for sample in samples:
            if fold[sample.video] == number:
                below = sample.target_score < threshold
                value = float(not sample.has_target) if below else sample.jf
                kept.append(CalibrationSample(sample.video, sample.has_target, 1.0, sample.is_empty or below, value))
    return _Columns(kept, objective).at(0.0).objective
