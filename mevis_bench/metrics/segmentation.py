"""RVOS and AVOS: J, F, N-acc. and T-acc. of one expression and of a split."""

from collections.abc import Sequence

import numpy as np

from mevis_bench.masks import MaskRows
from mevis_bench.metrics.aggregation import Measured, Measurement, Values, mean_of
from mevis_bench.metrics.boundary import boundary_f, boundary_of, match_counts
from mevis_bench.metrics.no_target import target_accuracy
from mevis_bench.metrics.on_device import count_rows
from mevis_bench.metrics.region import intersections, region_j
from mevis_bench.metrics.rules import ScoringOptions
from mevis_bench.metrics.targets import Target, TargetCache
from mevis_bench.records import GroundTruth


def score_masks(prediction: MaskRows, target: Target, predicted_empty: bool, rules: ScoringOptions) -> Values:
    """Score one expression.

    Args:
        prediction: Predicted foreground.
        target: The truth.
        predicted_empty: Whether the prediction counts as "no target".
        rules: The protocol.

    Returns:
        ``J``, ``F`` and ``J&F`` in 0..1 (mean over all frames), ``N-acc`` and ``T-acc``.
    """
    has_target = bool(target.objects)
    if not has_target and rules.protocol == "mevis_v2":
        j = f = float(predicted_empty)
    elif has_target and predicted_empty and rules.empty_on_target == "zero":
        j = f = 0.0
    else:
        j, f = _frame_means(prediction, target, rules.device)
    return {"J": j, "F": f, "J&F": (j + f) / 2, **target_accuracy(has_target, predicted_empty)}


def _frame_means(prediction: MaskRows, target: Target, device: str) -> tuple[float, float]:
    ground_truth = target.rows
    if device == "cpu":
        shared = intersections(prediction, ground_truth)
        union = prediction.areas() + target.areas - shared
        counts = match_counts(
            boundary_of(prediction),
            target.boundary,
            length=ground_truth.length,
            height=ground_truth.height,
            width=ground_truth.width,
        )
    else:
        shared, union, *rest = count_rows(prediction, ground_truth, device).T
        counts = np.stack(rest, axis=1)
    return float(np.mean(region_j(shared, union))), float(np.mean(boundary_f(counts)))


def measure_masks(
    prediction: MaskRows,
    target_score: float | None,
    ground_truth: GroundTruth,
    targets: TargetCache,
    rules: ScoringOptions,
) -> Measurement:
    """Score one expression's predicted foreground; see :func:`score_masks`.

    Raises:
        UsageError: The rules ask for the method's own "no target" flag, and ``target_score`` is ``None``.
    """
    predicted_empty = rules.is_empty_prediction(int(prediction.areas().sum()), target_score, ground_truth.sample)
    return Measurement(score_masks(prediction, targets.target(ground_truth), predicted_empty, rules))


def measure_no_masks(ground_truth: GroundTruth, targets: TargetCache) -> Measurement:
    """Return the values of a sample whose prediction is missing: zero, and wrong about the target."""
    has_target = bool(ground_truth.objects)
    return Measurement({"J": 0.0, "F": 0.0, "J&F": 0.0, **target_accuracy(has_target, predicted_empty=has_target)})


class MaskCorpus:
    """The measured expressions of a split."""

    notes: Sequence[str] = ()

    def __init__(self) -> None:
        self._values: Sequence[Values] = ()

    def take(self, measured: Sequence[Measured]) -> None:
        """Take all samples."""
        self._values = [sample.values for sample in measured]

    def values(self) -> Sequence[Values]:
        """Return every sample's values."""
        return self._values

    def metrics(self, chosen: Sequence[int]) -> Values:
        """Return means over expressions; ``J&F_s`` and ``J&F_m`` over those with one and with several targets.

        ``final`` is the challenge's (J&F + N-acc. + T-acc.) / 3.
        """
        kept = [self._values[index] for index in chosen]
        single = [values for values in kept if values["targets"] == 1]
        multi = [values for values in kept if values["targets"] is not None and values["targets"] > 1]
        n_acc, t_acc = (mean_of([values[name] for values in kept]) for name in ("N-acc", "T-acc"))
        j_and_f = _j_and_f(kept)
        return {
            "J&F": j_and_f,
            "J": mean_of([values["J"] for values in kept]),
            "F": mean_of([values["F"] for values in kept]),
            "J&F_s": _j_and_f(single),
            "J&F_m": _j_and_f(multi),
            "N-acc": n_acc,
            "T-acc": t_acc,
            "final": None if j_and_f is None or n_acc is None or t_acc is None else (j_and_f + n_acc + t_acc) / 3,
        }

    def close(self) -> None:
        """Nothing is held."""


def _j_and_f(kept: Sequence[Values]) -> float | None:
    j, f = mean_of([values["J"] for values in kept]), mean_of([values["F"] for values in kept])
    return None if j is None or f is None else (j + f) / 2
