"""A metric as a record: everything that tables, the gate and reports need to know about one column."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SampleMean:
    """A mean of values of samples.

    Attributes:
        column: Name of the values in ``scores.jsonl``.
        group: Name of the slice of the samples; ``None``: all that have a value.
    """

    column: str
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """One aggregate value of a task.

    Attributes:
        name: Key in ``results.json``; where ``scores.jsonl`` has a value per sample, the same key there.
        meaning: What is measured, in a sentence.
        source: Section or table of the paper, or the code that defines it.
        undefined: When there is no value (``None``, printed as ``-``), never 0.
        higher_is_better: Direction.
        range: Smallest and largest value, both reachable.
        unit: ``percent``: stored as a fraction, printed times 100. ``raw``: printed as stored.
        paper_name: Column title in the paper's tables; ``None``: the paper does not report it.
        latex: Column title in LaTeX; ``None``: the name.
        mean_of_samples: Whether it is the mean of the values that ``scores.jsonl`` has under the same name.
        average_of: The means whose average it is, where it is not itself the mean of its own values.
        gated: Whether the gate checks it; ``False``: the gate lists it as not judged.
    """

    name: str
    meaning: str
    source: str
    undefined: str = "no sample is selected"
    higher_is_better: bool = True
    range: tuple[float, float] = (0.0, 1.0)
    unit: Literal["percent", "raw"] = "percent"
    paper_name: str | None = None
    latex: str | None = None
    mean_of_samples: bool = False
    average_of: tuple[SampleMean, ...] = ()
    gated: bool = True

    @property
    def sample_means(self) -> tuple[SampleMean, ...]:
        """The means of samples whose average it is; empty: it pools counts of samples, or is no mean."""
        return (SampleMean(self.name),) if self.mean_of_samples else self.average_of

    def format(self, value: float | None) -> str:
        """Return a value with one decimal, as the paper prints it; ``-`` where it is undefined."""
        if value is None:
            return "-"
        return f"{self.scale * value:.1f}"

    @property
    def scale(self) -> int:
        """Factor from stored to printed values."""
        return 100 if self.unit == "percent" else 1

    def best(self, values: Iterable[float]) -> float:
        """Return the best of at least one value."""
        return max(values) if self.higher_is_better else min(values)

    def improvement(self, before: float, after: float) -> float:
        """Return the change from ``before`` to ``after``, positive where ``after`` is better."""
        return after - before if self.higher_is_better else before - after


def unknown_metric(name: str) -> Metric:
    """Return a record for a value that no task of this version defines, for instance of results from elsewhere."""
    return Metric(name, "Not a metric of this version.", "unknown")
