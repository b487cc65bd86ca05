"""RMEG: describe the motion of given objects in a sentence (the paper, sections 3.3 and 5.7)."""

from mevis_bench.metrics.aggregation import SampleMetrics
from mevis_bench.metrics.description import (
    CAPTION_METRICS,
    CaptionAggregator,
    named_caption_metric,
    score_caption_sample,
    score_missing_caption,
)
from mevis_bench.metrics.java import check_java
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.records import CaptionPrediction, Expression, GroundTruth, TargetMasks
from mevis_bench.records.dataset import Dataset
from mevis_bench.store.prediction_source import LoadedPrediction
from mevis_bench.tasks.references import CAPTION_REFERENCE
from mevis_bench.tasks.task import Task


def _prompt(split: Dataset, video_id: str, expression: Expression) -> TargetMasks:
    return TargetMasks(expression.id, split.ground_truth(video_id, expression.id).objects)


def _score(
    prediction: LoadedPrediction, ground_truth: GroundTruth, targets: TargetCache, options: ScoringOptions
) -> SampleMetrics:
    assert isinstance(prediction, CaptionPrediction)
    return score_caption_sample(prediction.text, ground_truth, options)


RMEG = Task(
    name="rmeg",
    title="Referring motion expression generation",
    metrics=CAPTION_METRICS,
    headlines=("METEOR", "CIDEr"),
    ranking="CIDEr",
    sample_score="METEOR",
    sample_details=("CIDEr",),
    scorable=(CaptionPrediction,),
    applies_to=lambda expression: bool(expression.annotation_ids),
    make_prompt=_prompt,
    score=_score,
    score_missing=score_missing_caption,
    aggregator=lambda options: CaptionAggregator(),
    check_scorable=check_java,
    named_metric=named_caption_metric,
    reference=CAPTION_REFERENCE,
    paper_tables=(12,),
    example="mevis-bench run --task rmeg --method trajectory_words",
)
