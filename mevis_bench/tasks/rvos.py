"""RVOS: segment the objects that a sentence refers to (the paper, section 3.3; metrics in section 5)."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.metrics.aggregation import Aggregator, SampleMetrics
from mevis_bench.metrics.annotators import RECALL_AND_DECAY, UNASSIGNED, AnnotatorAggregator, score_annotator
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.segmentation import MASK_METRICS, MaskAggregator, score_mask_sample, score_missing_masks
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.records import Expression, GroundTruth, TextPrompt
from mevis_bench.records.dataset import Dataset
from mevis_bench.store.prediction_source import LoadedMasks, LoadedPrediction
from mevis_bench.tasks.references import MASK_REFERENCE
from mevis_bench.tasks.task import Task


def _prompt(split: Dataset, video_id: str, expression: Expression) -> TextPrompt:
    return TextPrompt(expression.id, expression.text)


def _score(
    prediction: LoadedPrediction, ground_truth: GroundTruth, targets: TargetCache, options: ScoringOptions
) -> SampleMetrics:
    assert isinstance(prediction, LoadedMasks)
    match options.rules.measure:
        case "regions":
            return score_mask_sample(prediction.rows, prediction.target_score, ground_truth, targets, options)
        case "annotators":
            raise TypeError("samples of a video are scored together")
        case _:
            assert_never(options.rules.measure)


def _score_jointly(
    predictions: Sequence[LoadedPrediction | None],
    ground_truths: Sequence[GroundTruth],
    targets: TargetCache,
    options: ScoringOptions,
) -> list[SampleMetrics]:
    """Score the samples of a video annotator by annotator; a missing prediction stands for an empty mask.

    Objects are those whose id is at most the largest one in the first frame, as in DAVIS's tool.
    """
    samples: dict[int, SampleMetrics] = {}
    for annotator in dict.fromkeys(truth.expression.annotator for truth in ground_truths):
        own = [index for index, truth in enumerate(ground_truths) if truth.expression.annotator == annotator]
        masks = [predictions[index] for index in own]
        shape = ground_truths[0].length, ground_truths[0].height, ground_truths[0].width
        true = [targets.target(ground_truths[index]).rows for index in own]
        labels = [int((ground_truths[index].expression.annotation_ids or ("0",))[0]) for index in own]
        in_first = [label for label, rows in zip(labels, true, strict=True) if rows.areas()[0]]
        objects = [rows for label, rows in zip(labels, true, strict=True) if label <= max(in_first, default=0)]
        void = ground_truths[0].regions.get("void")
        rows = score_annotator(
            _answers(masks, shape),
            [each.to_dense() for each in objects],
            None if void is None else rows_from_rle(void, *shape[1:], location="void").to_dense(),
            options.rules,
        )
        for index, values in zip_longest(own, rows[: len(own)]):
            samples[index] = SampleMetrics(UNASSIGNED if values is None else values, annotator)
    return [samples[index] for index in range(len(ground_truths))]


def _answers(predictions: Sequence[LoadedPrediction | None], shape: tuple[int, int, int]) -> list[NDArray[np.bool_]]:
    """Return one annotator's answers as dense masks: the labels of label images, else one per sentence."""
    masks = [prediction for prediction in predictions if isinstance(prediction, LoadedMasks)]
    if masks and masks[0].labels is not None:
        return [label.to_dense() for label in masks[0].labels] or [np.zeros(shape, np.bool_)]
    return [
        prediction.rows.to_dense() if isinstance(prediction, LoadedMasks) else np.zeros(shape, np.bool_)
        for prediction in predictions
    ]


def _aggregator(options: ScoringOptions) -> Aggregator:
    match options.rules.measure:
        case "regions":
            return MaskAggregator(options)
        case "annotators":
            return AnnotatorAggregator()
        case _:
            assert_never(options.rules.measure)


RVOS = Task(
    name="rvos",
    title="Referring video object segmentation",
    metrics=MASK_METRICS,
    headlines=("J&F",),
    scorable=(LoadedMasks,),
    applies_to=lambda expression: True,
    make_prompt=_prompt,
    score=_score,
    score_missing=score_missing_masks,
    aggregator=_aggregator,
    protocol_metrics=RECALL_AND_DECAY,
    score_jointly=_score_jointly,
    reference=MASK_REFERENCE,
    paper_tables=(5, 6, 7, 8, 9),
    example="mevis-bench run --task rvos --method lmpmpp",
)
