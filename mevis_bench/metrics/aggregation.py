"""Scores of single samples and the aggregators that turn them into the metrics of a split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from mevis_bench.records import MevisBenchError

T = TypeVar("T")

Values = Mapping[str, float | None]
"""Values by metric or column name; ``None``: undefined."""


@dataclass(frozen=True, slots=True)
class SampleMetrics:
    """Output of a task's scorer for one prediction.

    Attributes:
        values: Metric values of the sample; ``None``: undefined.
        statistics: Input of the task's aggregator beyond the values; ``None``: it needs none.
    """

    values: Values
    statistics: object = None


@dataclass(frozen=True, slots=True)
class ScoredSample:
    """One sample of a split after scoring.

    Attributes:
        sample: ``<video>/<expression>``.
        values: Metric values and columns of the sample; ``None``: undefined.
        statistics: Input of the task's aggregator beyond the values.
        error: Why the prediction is missing or invalid, where that counts as zero; else ``None``.
        kind: Kind of the expression, see ``Expression.kind``.
    """

    sample: str
    values: Values
    statistics: object = None
    error: str | None = None
    kind: str | None = None


class Aggregator(Protocol):
    """Metrics of many samples; use as torchmetrics' metrics: ``update`` with samples, then ``compute``."""

    @property
    def notes(self) -> Sequence[str]:
        """Remarks for the reader of the metrics, for instance why one is undefined."""
        ...

    @property
    def failure(self) -> MevisBenchError | None:
        """Error because of which metrics are missing that the samples have; the other metrics are valid."""
        ...

    def update(self, samples: Sequence[ScoredSample]) -> None:
        """Add samples."""
        ...

    def sample_values(self) -> Sequence[Values]:
        """Return the values of every sample, in the order in which they were added."""
        ...

    def compute(self, indices: Sequence[int] | None = None) -> Values:
        """Return the metrics of the samples with these indices; ``None``: of all. ``None`` values are undefined."""
        ...

    def close(self) -> None:
        """Release resources."""
        ...


def mean_of(values: Sequence[float | None]) -> float | None:
    """Return the mean of the defined values; ``None`` where there are none."""
    import numpy as np

    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None


def selected(items: Sequence[T], indices: Sequence[int] | None) -> Sequence[T]:
    """Return the items with these indices; ``None``: all."""
    return items if indices is None else [items[index] for index in indices]
