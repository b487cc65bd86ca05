"""Everything a reader of one run wants to look at, sample by sample: masks, scores, diagnoses."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mevis_bench.data.mevis.split import Split
from mevis_bench.masks import MaskRows
from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.metrics.region import intersections, region_j
from mevis_bench.metrics.targets import united
from mevis_bench.records import DataError, Expression
from mevis_bench.reports.failures import ErrorAnalysis, Overlaps, diagnose
from mevis_bench.store.open_predictions import open_predictions
from mevis_bench.store.prediction_source import FrameSpec, LoadedMasks
from mevis_bench.store.score_files import SampleScore, read_scores


@dataclass(frozen=True, slots=True, eq=False)
class SampleView:
    """One sample, ready to be shown.

    Attributes:
        expression: What was asked.
        score: Its scores and groups.
        anatomy: What went wrong.
        truth: Masks of the target.
        prediction: Masks of the answer.
        j: J of every frame, float64 ``(t,)``.
        target_score: The method's own confidence that there is a target, ``None``: it has none.
    """

    expression: Expression
    score: SampleScore
    anatomy: ErrorAnalysis
    ground_truth: MaskRows
    prediction: MaskRows
    j: NDArray[np.float64]
    target_score: float | None


def jf(score: SampleScore) -> float:
    """Return J&F of one sample, 0..1.

    Raises:
        DataError: The sample has no J and F.
    """
    j, f = (score.values.get(name) for name in ("J", "F"))
    if j is None or f is None:
        raise DataError("has no J and F; the anatomy is for RVOS and AVOS runs", location=score.sample)
    return (j + f) / 2


def view_video(split: Split, predictions: Path, video_id: str) -> Iterator[SampleView]:
    """Yield every scored sample of one video.

    Args:
        split: Where the truth is.
        predictions: A scored run folder.
        video_id: The video.
    """
    scores = {score.sample: score for score in read_scores(predictions) if score.video == video_id}
    source = open_predictions(predictions).only(video_id)
    ground_truths = split.ground_truths(video_id)
    objects: dict[str, MaskRows] = {}
    for ground_truth in ground_truths:
        for name, masks in zip(ground_truth.expression.annotation_ids or (), ground_truth.objects, strict=True):
            if name not in objects:
                location = f"truth of {video_id}, object {name}"
                objects[name] = rows_from_rle(masks, ground_truth.height, ground_truth.width, location=location)
    for ground_truth in ground_truths:
        if ground_truth.sample not in scores:
            continue
        clip = FrameSpec(video_id, split.frame_names(video_id), ground_truth.height, ground_truth.width)
        answer = source.read(ground_truth.expression.id, clip)
        if not isinstance(answer, LoadedMasks):
            raise DataError(
                "not a mask prediction; the anatomy is for RVOS and AVOS runs", location=ground_truth.sample
            )
        targets = ground_truth.expression.annotation_ids or ()
        empty = MaskRows.empty(ground_truth.length, ground_truth.height, ground_truth.width)
        target = reduce(united, [objects[name] for name in targets], empty)
        common = intersections(answer.rows, target)
        overlaps = overlaps_of(answer.rows, objects)
        score = scores[ground_truth.sample]
        yield SampleView(
            expression=ground_truth.expression,
            score=score,
            anatomy=diagnose(ground_truth.sample, overlaps, targets, jf(score)),
            ground_truth=target,
            prediction=answer.rows,
            j=region_j(common, answer.rows.areas() + target.areas() - common),
            target_score=answer.target_score,
        )


def overlaps_of(prediction: MaskRows, objects: Mapping[str, MaskRows]) -> Overlaps:
    """Hold a prediction against every annotated object of its video."""
    shape = (len(objects), prediction.length)
    covered = [intersections(prediction, rows) for rows in objects.values()]
    areas = [rows.areas() for rows in objects.values()]
    return Overlaps(
        ids=tuple(objects),
        covered=np.array(covered, np.int64).reshape(shape),
        areas=np.array(areas, np.int64).reshape(shape),
        predicted=prediction.areas(),
    )
