"""RVOS and AVOS: J, F, N-acc. and T-acc. of one expression and of a split."""

from collections.abc import Sequence
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks import MaskRows
from mevis_bench.metrics.aggregation import SampleMetrics, ScoredSample, Values, mean_of, selected
from mevis_bench.metrics.boundary import boundary_f, boundary_of, match_counts
from mevis_bench.metrics.metric import Metric, SampleMean
from mevis_bench.metrics.no_target import N_ACC, T_ACC, target_accuracy
from mevis_bench.metrics.on_device import count_rows
from mevis_bench.metrics.region import intersections, region_j
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.targets import Target, TargetCache
from mevis_bench.records import GroundTruth, MevisBenchError

_SECTION = "the paper, section 5"
_CHALLENGE = "the MeViSv2 challenge's final score"

MASK_METRICS: tuple[Metric, ...] = (
    Metric(
        "J&F", "Mean of J and F.", _SECTION, paper_name="J&F", latex=r"$\mathcal{J}\&\mathcal{F}$", mean_of_samples=True
    ),
    Metric(
        "J",
        "Region similarity: intersection over union, mean over frames.",
        _SECTION,
        paper_name="J",
        latex=r"$\mathcal{J}$",
        mean_of_samples=True,
    ),
    Metric(
        "F",
        "Contour accuracy: F measure of matched boundary pixels, mean over frames.",
        _SECTION,
        paper_name="F",
        latex=r"$\mathcal{F}$",
        mean_of_samples=True,
    ),
    Metric(
        "J&F_s",
        "J&F of the samples with one target object.",
        "the paper, Table 7",
        undefined="no selected sample has exactly one target object",
        paper_name="J&F_s",
        latex=r"$\mathcal{J}\&\mathcal{F}_s$",
        average_of=(SampleMean("J&F", "single"),),
    ),
    Metric(
        "J&F_m",
        "J&F of the samples with several target objects.",
        "the paper, Table 7",
        undefined="no selected sample has several target objects",
        paper_name="J&F_m",
        latex=r"$\mathcal{J}\&\mathcal{F}_m$",
        average_of=(SampleMean("J&F", "multi"),),
    ),
    N_ACC,
    T_ACC,
    Metric(
        "final",
        "(J&F + N-acc. + T-acc.) / 3.",
        _CHALLENGE,
        undefined="J&F, N-acc. or T-acc. is undefined",
        average_of=(SampleMean("J&F"), SampleMean("N-acc"), SampleMean("T-acc")),
    ),
)


def score_rows(prediction: MaskRows, target: Target, predicted_empty: bool, options: ScoringOptions) -> Values:
    """Score one expression.

    Args:
        prediction: Predicted foreground.
        target: The ground truth.
        predicted_empty: Whether the prediction counts as "no target".
        options: The protocol's no-target rule and boundary tolerance, ``empty_on_target`` and the device.

    Returns:
        ``J``, ``F`` and ``J&F`` in 0..1 (mean over all frames), ``N-acc`` and ``T-acc``.
    """
    has_target = bool(target.objects)
    if not has_target:
        match options.rules.no_target:
            case "credit":
                j = f = float(predicted_empty)
            case "frames":
                j, f = _frame_means(prediction, target, options)
            case _:
                assert_never(options.rules.no_target)
    elif predicted_empty and options.empty_on_target == "zero":
        j = f = 0.0
    else:
        j, f = _frame_means(prediction, target, options)
    return {"J": j, "F": f, "J&F": (j + f) / 2, **target_accuracy(has_target, predicted_empty)}


def _frame_means(prediction: MaskRows, target: Target, options: ScoringOptions) -> tuple[float, float]:
    ground_truth, tolerance = target.rows, options.rules.boundary_tolerance
    if options.device == "cpu":
        shared = intersections(prediction, ground_truth)
        union = prediction.areas() + target.areas - shared
        counts = match_counts(
            boundary_of(prediction),
            target.boundary,
            length=ground_truth.length,
            height=ground_truth.height,
            width=ground_truth.width,
            tolerance=tolerance,
        )
    else:
        shared, union, *rest = count_rows(prediction, ground_truth, tolerance, options.device).T
        counts = np.stack(rest, axis=1)
    return float(np.mean(region_j(shared, union))), float(np.mean(boundary_f(counts)))


def measures_by_frame(
    prediction: MaskRows, target: MaskRows, tolerance: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return J and F of every frame, each ``(t,)`` in 0..1.

    Args:
        prediction: Predicted foreground.
        target: True foreground.
        tolerance: Largest distance of matching boundary pixels, as a share of the frame's diagonal.
    """
    shared = intersections(prediction, target)
    counts = match_counts(
        boundary_of(prediction),
        boundary_of(target),
        length=target.length,
        height=target.height,
        width=target.width,
        tolerance=tolerance,
    )
    return region_j(shared, prediction.areas() + target.areas() - shared), boundary_f(counts)


def score_mask_sample(
    prediction: MaskRows,
    target_score: float | None,
    ground_truth: GroundTruth,
    targets: TargetCache,
    options: ScoringOptions,
) -> SampleMetrics:
    """Score one expression's predicted foreground; see :func:`score_rows`.

    Raises:
        UsageError: ``no_target`` is ``flag``, and ``target_score`` is ``None``.
    """
    predicted_empty = options.is_empty_prediction(int(prediction.areas().sum()), target_score, ground_truth.sample)
    return SampleMetrics(score_rows(prediction, targets.target(ground_truth), predicted_empty, options))


def score_missing_masks(ground_truth: GroundTruth, targets: TargetCache, options: ScoringOptions) -> SampleMetrics:
    """Return the values of a sample without a prediction: zero, and wrong about whether there is a target."""
    has_target = bool(ground_truth.objects)
    return SampleMetrics({"J": 0.0, "F": 0.0, "J&F": 0.0, **target_accuracy(has_target, predicted_empty=has_target)})


class MaskAggregator:
    """``MASK_METRICS`` of a split."""

    notes: Sequence[str] = ()
    failure: MevisBenchError | None = None

    def __init__(self) -> None:
        self._values: list[Values] = []

    def update(self, samples: Sequence[ScoredSample]) -> None:
        """Add samples; their values have the column ``targets``, the number of target objects."""
        self._values += [sample.values for sample in samples]

    def sample_values(self) -> Sequence[Values]:
        """Return every sample's values."""
        return self._values

    def compute(self, indices: Sequence[int] | None = None) -> Values:
        """Return means over expressions; ``J&F_s`` and ``J&F_m`` over those with one and with several targets."""
        rows = selected(self._values, indices)
        single = [values for values in rows if values["targets"] == 1]
        multi = [values for values in rows if values["targets"] is not None and values["targets"] > 1]
        n_acc, t_acc = self._mean("N-acc", rows), self._mean("T-acc", rows)
        j_and_f = self._j_and_f(rows)
        return {
            "J&F": j_and_f,
            "J": self._mean("J", rows),
            "F": self._mean("F", rows),
            "J&F_s": self._j_and_f(single),
            "J&F_m": self._j_and_f(multi),
            "N-acc": n_acc,
            "T-acc": t_acc,
            "final": None if j_and_f is None or n_acc is None or t_acc is None else (j_and_f + n_acc + t_acc) / 3,
        }

    def close(self) -> None:
        """No-op."""

    def _mean(self, name: str, rows: Sequence[Values]) -> float | None:
        return mean_of([values[name] for values in rows])

    def _j_and_f(self, rows: Sequence[Values]) -> float | None:
        j, f = self._mean("J", rows), self._mean("F", rows)
        return None if j is None or f is None else (j + f) / 2
