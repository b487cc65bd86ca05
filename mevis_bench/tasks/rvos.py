"""RVOS: segment what a sentence refers to (the paper, section 3.3; metrics in section 5)."""

from mevis_bench.metrics.aggregation import Measurement
from mevis_bench.metrics.rules import ScoringOptions
from mevis_bench.metrics.segmentation import MaskCorpus, measure_masks, measure_no_masks
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.records import Expression, GroundTruth, TextPrompt
from mevis_bench.records.dataset import Dataset
from mevis_bench.store.prediction_source import LoadedMasks, LoadedPrediction
from mevis_bench.tasks.task import Task


def _prompt(split: Dataset, video_id: str, expression: Expression) -> TextPrompt:
    return TextPrompt(expression.id, expression.text)


def _measure(
    answer: LoadedPrediction, ground_truth: GroundTruth, targets: TargetCache, rules: ScoringOptions
) -> Measurement:
    assert isinstance(answer, LoadedMasks)
    return measure_masks(answer.rows, answer.target_score, ground_truth, targets, rules)


RVOS = Task(
    name="rvos",
    title="Referring video object segmentation",
    answers=(LoadedMasks,),
    asks=lambda expression: True,
    prompt=_prompt,
    measure=_measure,
    measure_missing=measure_no_masks,
    corpus=MaskCorpus,
)
