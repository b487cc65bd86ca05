"""RVOS: segment the objects that a sentence refers to (the paper, section 3.3; metrics in section 5)."""

from mevis_bench.metrics.aggregation import SampleMetrics
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
    return score_mask_sample(prediction.rows, prediction.target_score, ground_truth, targets, options)


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
    aggregator=MaskAggregator,
    reference=MASK_REFERENCE,
    paper_tables=(5, 6, 7, 8, 9),
    example="mevis-bench run --task rvos --method lmpmpp",
)
