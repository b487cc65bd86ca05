"""What measuring one sample leaves behind, and what is then asked of all samples together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Values = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What scoring one answer gives.

    Attributes:
        values: Metric values of the sample; ``None``: undefined.
        statistics: What the aggregate needs beyond them; depends on the task.
    """

    values: Values
    statistics: object = None


@dataclass(frozen=True, slots=True)
class Measured:
    """One sample after measuring.

    Attributes:
        sample: ``<video>/<expression>``.
        values: Metric values and columns of the sample; ``None``: undefined.
        statistics: What the aggregate needs beyond the values; depends on the task.
        fault: Why the prediction is missing, where it is and counts as zero; else ``None``.
    """

    sample: str
    values: Values
    statistics: object = None
    fault: str | None = None


class Corpus(Protocol):
    """All measured samples of a split, asked about together. It is made before measuring starts, and closed at last."""

    @property
    def notes(self) -> Sequence[str]:
        """What its reader should know, for instance why a metric is undefined."""
        ...

    def take(self, measured: Sequence[Measured]) -> None:
        """Take all samples; everything below comes after it."""
        ...

    def values(self) -> Sequence[Values]:
        """Return every sample's values, in the order of the samples."""
        ...

    def metrics(self, chosen: Sequence[int]) -> Values:
        """Return the metrics of the chosen samples (indices); ``None``: undefined."""
        ...

    def close(self) -> None:
        """Give back what the corpus holds."""
        ...


def mean_of(values: Sequence[float | None]) -> float | None:
    """Return the mean of what is defined; ``None`` where nothing is."""
    import numpy as np

    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None
