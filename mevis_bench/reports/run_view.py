"""Per-sample view of a scored mask run: ground truth, prediction, scores and error analysis."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks import MaskRows
from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.metrics.region import intersections, region_j
from mevis_bench.metrics.targets import union
from mevis_bench.records import DataError, Expression, GroundTruth, IncomparableError
from mevis_bench.records.dataset import Dataset
from mevis_bench.reports.failures import ErrorAnalysis, Overlaps, classify_error
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.store.open_predictions import open_predictions
from mevis_bench.store.prediction_source import FrameSpec, LoadedMasks
from mevis_bench.store.score_files import read_results, read_scores


@dataclass(frozen=True, slots=True, eq=False)
class SampleView:
    """One sample of a scored run with everything that reports show of it.

    Attributes:
        expression: The referring expression.
        score: Its scores and slices.
        analysis: Its error type.
        ground_truth: Masks of the target, the union of its objects.
        prediction: Predicted masks.
        j: J of every frame, float64 ``(t,)``.
        target_score: The method's own confidence that there is a target; ``None``: the method gives none.
    """

    expression: Expression
    score: SampleScore
    analysis: ErrorAnalysis
    ground_truth: MaskRows
    prediction: MaskRows
    j: NDArray[np.float64]
    target_score: float | None


@dataclass(frozen=True, slots=True)
class ScoredRun:
    """A run with its scores on one split.

    Attributes:
        path: The run folder, whose predictions are shown.
        dataset: The split of the scores.
        results: The aggregate.
        scores: Scores of every sample.
        predicted_on: The split that the run was predicted on, where ``dataset`` is another one; else ``None``.
    """

    path: Path
    dataset: Dataset
    results: Results
    scores: Sequence[SampleScore]
    predicted_on: str | None = None


def read_scored_run(run: Path, dataset: Dataset) -> ScoredRun:
    """Read the scores of a run folder.

    Raises:
        IncomparableError: They are of another split than ``dataset``.
        DataError: They cannot be read.
        UsageError: ``run`` does not exist.
    """
    results = read_results(run)
    if results.fingerprint != dataset.fingerprint:
        raise IncomparableError(
            f"run was scored on other annotation files than split {dataset.split!r}",
            location=str(run),
            hint="Pass the same --data and --split as when it was scored.",
        )
    return ScoredRun(run, dataset, results, read_scores(run))


def jf(score: SampleScore) -> float:
    """Return J&F of one sample, 0..1.

    Raises:
        DataError: The sample has no J and F.
    """
    j, f = (score.values.get(name) for name in ("J", "F"))
    if j is None or f is None:
        raise DataError("sample has no J and F: expected an RVOS or AVOS run", location=score.sample)
    return (j + f) / 2


class RunView:
    """The samples of one scored run, video by video; scores are read and predictions opened once.

    Args:
        scored: A scored run of RVOS or AVOS.

    Raises:
        DataError: The predictions cannot be read.
    """

    def __init__(self, scored: ScoredRun) -> None:
        self.dataset = scored.dataset
        self._scores: dict[str, dict[str, SampleScore]] = {}
        for score in scored.scores:
            self._scores.setdefault(score.video, {})[score.sample] = score
        self._predictions = open_predictions(scored.path)

    def video(self, video_id: str) -> Iterator[SampleView]:
        """Yield every scored sample of one video, in the order of the split; none for a video without scores.

        Raises:
            DataError: A prediction is broken or not a mask, or a sample has no J and F.
        """
        scores = self._scores.get(video_id)
        if scores is None:
            return
        ground_truths = self.dataset.ground_truths(video_id)
        objects = _annotated_objects(ground_truths)
        for ground_truth in ground_truths:
            if ground_truth.sample in scores:
                yield self._sample(ground_truth, scores[ground_truth.sample], objects)

    def _sample(self, ground_truth: GroundTruth, score: SampleScore, objects: Mapping[str, MaskRows]) -> SampleView:
        sample, video_id = ground_truth.sample, ground_truth.video_id
        size = ground_truth.height, ground_truth.width
        frames = FrameSpec(video_id, self.dataset.frame_names(video_id), *size)
        prediction = self._predictions.read(ground_truth.expression.id, frames)
        if not isinstance(prediction, LoadedMasks):
            raise DataError("prediction is not a mask: expected an RVOS or AVOS run", location=sample)
        target_ids = ground_truth.expression.annotation_ids or ()
        target = reduce(union, [objects[name] for name in target_ids], MaskRows.empty(ground_truth.length, *size))
        common = intersections(prediction.rows, target)
        return SampleView(
            expression=ground_truth.expression,
            score=score,
            analysis=classify_error(sample, overlaps_with(prediction.rows, objects), target_ids, jf(score)),
            ground_truth=target,
            prediction=prediction.rows,
            j=region_j(common, prediction.rows.areas() + target.areas() - common),
            target_score=prediction.target_score,
        )


def _annotated_objects(ground_truths: Sequence[GroundTruth]) -> dict[str, MaskRows]:
    """Return the masks of every annotated object of one video by annotation id."""
    objects: dict[str, MaskRows] = {}
    for ground_truth in ground_truths:
        for name, masks in zip(ground_truth.expression.annotation_ids or (), ground_truth.objects, strict=True):
            if name not in objects:
                location = f"ground truth of {ground_truth.video_id}, object {name}"
                objects[name] = rows_from_rle(masks, ground_truth.height, ground_truth.width, location=location)
    return objects


def overlaps_with(prediction: MaskRows, objects: Mapping[str, MaskRows]) -> Overlaps:
    """Return the overlap of a prediction with every annotated object of its video."""
    shape = (len(objects), prediction.length)
    covered = [intersections(prediction, rows) for rows in objects.values()]
    areas = [rows.areas() for rows in objects.values()]
    return Overlaps(
        ids=tuple(objects),
        covered=np.array(covered, np.int64).reshape(shape),
        areas=np.array(areas, np.int64).reshape(shape),
        predicted=prediction.areas(),
    )
