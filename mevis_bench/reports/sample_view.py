"""One sample of a scored run with everything that reports show of it. Axes: t frames."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks import MaskRows
from mevis_bench.records import DataError, Expression, TrackPrediction
from mevis_bench.reports.failures import ErrorAnalysis
from mevis_bench.schemas.scores import SampleScore
from mevis_bench.tasks import find_task


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """Masks of RVOS and AVOS.

    Attributes:
        ground_truth: Masks of the target, the union of its objects.
        prediction: Predicted masks.
        by_frame: J of every frame, float64 ``(t,)``.
        target_score: The method's own confidence that there is a target; ``None``: the method gives none.
    """

    ground_truth: MaskRows
    prediction: MaskRows
    by_frame: NDArray[np.float64]
    target_score: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """Boxes of RMOT.

    Attributes:
        ground_truth: Boxes of the target objects.
        prediction: Predicted boxes.
        by_frame: Boxes that match one of the other side, over all boxes of both, float64 ``(t,)``; 1 without boxes.
    """

    ground_truth: TrackPrediction
    prediction: TrackPrediction
    by_frame: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Caption:
    """A sentence of RMEG.

    Attributes:
        ground_truth: Masks of the objects that it describes.
        text: The sentence.
        references: Sentences that it is compared with.
        found: Masks that an RVOS method predicted from the sentence, by its name (``mevis-bench roundtrip``).
    """

    ground_truth: MaskRows
    text: str
    references: tuple[str, ...]
    found: Mapping[str, MaskRows]


@dataclass(frozen=True, slots=True, eq=False)
class SampleView:
    """One sample of a scored run.

    Attributes:
        expression: The referring expression.
        row: Its scores and slices.
        score: The score that it is ranked by, 0..1.
        analysis: Its error type.
        content: Ground truth and prediction.
    """

    expression: Expression
    row: SampleScore
    score: float
    analysis: ErrorAnalysis
    content: Masks | Tracks | Caption


def sample_score(row: SampleScore, task: str) -> float:
    """Return the score that a sample of a task is ranked by, 0..1.

    Raises:
        DataError: It is missing or undefined.
    """
    name = find_task(task).sample_score
    value = row.values.get(name)
    if value is None:
        raise DataError(f"the sample has no {name}", location=row.sample)
    return value
