"""ReVOS: J, F, pixel accuracy A and robustness R, by kind of expression."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mevis_bench.metrics.aggregation import ScoredSample, Values, selected
from mevis_bench.metrics.metric import Metric
from mevis_bench.records import MevisBenchError

_SOURCE = "ReVOS's evaluation (VISA, eval_revos.py)"

REVOS_METRICS: tuple[Metric, ...] = (
    Metric("A", "Share of pixels in which ground truth and answer are equal.", _SOURCE),
    Metric(
        "R",
        "Robustness: 1 minus false foreground over the foreground of all objects that are referred to, at least 0; "
        "mean over frames.",
        _SOURCE,
    ),
)

AVERAGED_KINDS = ("referring", "reasoning")
"""Kinds of expressions whose means are averaged; expressions without a target are in no mean."""

_COLUMNS = ("J", "F", "A", "R")


def accuracy_and_robustness(
    frames: Iterable[tuple[NDArray[np.bool_], Sequence[NDArray[np.bool_]], NDArray[np.bool_]]], value: int
) -> tuple[float, float]:
    """Return A and R of one expression.

    Args:
        frames: For every frame, at least one: the answer, the target objects and the foreground, each bool ``(h, w)``.
        value: Pixel value of the answer's foreground. The original takes pixels as they are, in 8 bits: A and R
            of masks of 0 and 255 are other numbers than those of 0 and 1. It also adds the target objects, so a
            pixel of two objects is 2, equal to no answer, and false foreground there counts 255.
    """
    equal, pixels, robustness = 0, 0, []
    for answer, objects, foreground in frames:
        truth = np.zeros(answer.shape, np.uint8)
        for mask in objects:
            truth += mask
        stored = answer * np.uint8(value)
        equal += int((truth == stored).sum())
        pixels += truth.size
        false = int(((np.uint8(1) - truth) * stored).sum(dtype=np.int64))
        robustness.append(max(1 - false / (int(foreground.sum()) + 1e-6), 0.0))
    return equal / pixels, float(np.mean(robustness))


def rounded(values: Mapping[str, float], decimals: int | None) -> Values:
    """Return fractions as the original reports each expression: percent with ``decimals`` digits; ``None``: all."""
    if decimals is None:
        return values
    return {name: round(100 * value, decimals) / 100 for name, value in values.items()}


class RevosAggregator:
    """Means by kind, then over the two kinds that have a target: not the mean over expressions."""

    notes: Sequence[str] = ()
    failure: MevisBenchError | None = None

    def __init__(self, decimals: int | None) -> None:
        self._decimals = decimals
        self._values: list[Values] = []
        self._kinds: list[str | None] = []

    def update(self, samples: Sequence[ScoredSample]) -> None:
        """Add samples with their kinds."""
        self._values += [sample.values for sample in samples]
        self._kinds += [sample.kind for sample in samples]

    def sample_values(self) -> Sequence[Values]:
        """Return every sample's values."""
        return self._values

    def compute(self, indices: Sequence[int] | None = None) -> Values:
        """Return the mean over kinds of the means over expressions; of one kind where only one is selected."""
        rows, kinds = selected(self._values, indices), selected(self._kinds, indices)
        groups = [
            self._mean([row for row, own in zip(rows, kinds, strict=True) if own == kind]) for kind in AVERAGED_KINDS
        ]
        present = [group for group in groups if group]
        if not present:
            return dict.fromkeys(("J&F", *_COLUMNS))
        return {name: sum(group[name] for group in present) / len(present) / 100 for name in ("J&F", *_COLUMNS)}

    def close(self) -> None:
        """No-op."""

    def _mean(self, rows: Sequence[Values]) -> dict[str, float]:
        """Return means in percent; empty without expressions."""
        if not rows:
            return {}
        means = {name: float(np.mean([self._percent(row[name]) for row in rows])) for name in _COLUMNS}
        return {"J&F": (means["J"] + means["F"]) / 2, **means}

    def _percent(self, value: float | None) -> float:
        assert value is not None, "J, F, A and R are always defined"
        return 100 * value if self._decimals is None else round(100 * value, self._decimals)
