"""RVOS and AVOS: J, F, N-acc. and T-acc. of one expression and of a split."""

from collections.abc import Sequence

import numpy as np

from mevis_bench.masks import MaskRows
from mevis_bench.metrics.aggregation import Measured, Measurement, Values, mean_of
from mevis_bench.metrics.boundary import boundary_f, boundary_of, match_counts
from mevis_bench.metrics.no_target import target_accuracy
from mevis_bench.metrics.on_device import count_rows
from mevis_bench.metrics.region import intersections, region_j
from mevis_bench.metrics.rules import ScoringRules
from mevis_bench.metrics.targets import Target, TargetCache
from mevis_bench.records import Truth


def score_masks(prediction: MaskRows, target: Target, said_no_target: bool, rules: ScoringRules) -> Values:
    """Score one expression.

    Args:
        prediction: Predicted foreground.
        target: The truth.
        said_no_target: Whether the prediction counts as "no target".
        rules: The protocol.

    Returns:
        ``J``, ``F`` and ``J&F`` in 0..1 (mean over all frames), ``N-acc`` and ``T-acc``.
    """
    has_target = bool(target.objects)
    if not has_target and rules.protocol == "mevis_v2":
        j = f = float(said_no_target)
    elif has_target and said_no_target and rules.empty_on_target == "zero":
        j = f = 0.0
    else:
        j, f = _frame_means(prediction, target, rules.device)
    return {"J": j, "F": f, "J&F": (j + f) / 2, **target_accuracy(has_target, said_no_target)}


def _frame_means(prediction: MaskRows, target: Target, device: str) -> tuple[float, float]:
    truth = target.rows
    if device == "cpu":
        shared = intersections(prediction, truth)
        union = prediction.areas() + target.areas - shared
        counts = match_counts(
            boundary_of(prediction), target.boundary, length=truth.length, height=truth.height, width=truth.width
        )
    else:
        shared, union, *rest = count_rows(prediction, truth, device).T
        counts = np.stack(rest, axis=1)
    return float(np.mean(region_j(shared, union))), float(np.mean(boundary_f(counts)))


def measure_masks(
    prediction: MaskRows, target_score: float | None, truth: Truth, targets: TargetCache, rules: ScoringRules
) -> Measurement:
    """Score one expression's predicted foreground; see :func:`score_masks`.

    Raises:
        UsageError: The rules ask for the method's own "no target" flag, and ``target_score`` is ``None``.
    """
    said_no_target = rules.says_no_target(int(prediction.areas().sum()), target_score, truth.sample)
    return Measurement(score_masks(prediction, targets.target(truth), said_no_target, rules))


def measure_no_masks(truth: Truth, targets: TargetCache) -> Measurement:
    """Return the values of a sample whose prediction is missing: zero, and wrong about the target."""
    has_target = bool(truth.objects)
    return Measurement({"J": 0.0, "F": 0.0, "J&F": 0.0, **target_accuracy(has_target, said_no_target=has_target)})


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
