"""Long-RVOS: J and F, and how long the target is found: tIoU and vIoU."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mevis_bench.metrics.aggregation import ScoredSample, Values, mean_of, selected
from mevis_bench.metrics.metric import Metric
from mevis_bench.records import MevisBenchError

_SOURCE = "Long-RVOS, eval/eval_long_rvos"

LONG_RVOS_METRICS: tuple[Metric, ...] = (
    Metric("tIoU", "Frames with target and answer over frames with target or answer.", _SOURCE),
    Metric("vIoU", "Sum of J over the frames with target and answer, over the frames with target or answer.", _SOURCE),
)

_ORDER = ("dynamic", "static", "hybrid")
"""Order of kinds in which the original adds up expressions, which decides the last digit of a mean."""

_COLUMNS = ("J", "F", "tIoU", "vIoU")


def temporal_ious(
    answered: NDArray[np.bool_], present: NDArray[np.bool_], j: NDArray[np.float64]
) -> tuple[float, float]:
    """Return tIoU and vIoU of one expression; both are 1 where there is neither target nor answer.

    Args:
        answered: ``(t,)``, whether the answer has a pixel.
        present: ``(t,)``, whether the target has a pixel.
        j: ``(t,)``, J of every frame.
    """
    both, either = answered & present, answered | present
    count = int(either.sum())
    if count == 0:
        return 1.0, 1.0
    return int(both.sum()) / count, float(j[both].sum()) / count


class LongRvosAggregator:
    """Means over expressions, whatever their kind."""

    notes: Sequence[str] = ()
    failure: MevisBenchError | None = None

    def __init__(self) -> None:
        self._values: list[Values] = []
        self._kinds: list[str | None] = []

    def update(self, samples: Sequence[ScoredSample]) -> None:
        """Add samples."""
        self._values += [sample.values for sample in samples]
        self._kinds += [sample.kind for sample in samples]

    def sample_values(self) -> Sequence[Values]:
        """Return every sample's values."""
        return self._values

    def compute(self, indices: Sequence[int] | None = None) -> Values:
        """Return the means over expressions."""
        values, kinds = selected(self._values, indices), selected(self._kinds, indices)
        rows = [row for kind in _ORDER for row, own in zip(values, kinds, strict=True) if own == kind]
        means = {name: mean_of([row[name] for row in rows]) for name in _COLUMNS}
        j, f = means["J"], means["F"]
        return {"J&F": None if j is None or f is None else (j + f) / 2, **means}

    def close(self) -> None:
        """No-op."""
