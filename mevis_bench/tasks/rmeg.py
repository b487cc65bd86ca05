"""RMEG: put the motion of given objects into words (the paper, sections 3.3 and 5.7)."""

from mevis_bench.metrics.aggregation import Measurement
from mevis_bench.metrics.description import CaptionCorpus, measure_caption, measure_no_caption
from mevis_bench.metrics.rules import ScoringOptions
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.records import CaptionPrediction, Expression, GroundTruth, TargetMasks
from mevis_bench.records.dataset import Dataset
from mevis_bench.store.prediction_source import LoadedPrediction
from mevis_bench.tasks.task import Task


def _prompt(split: Dataset, video_id: str, expression: Expression) -> TargetMasks:
    return TargetMasks(expression.id, split.ground_truth(video_id, expression.id).objects)


def _measure(
    answer: LoadedPrediction, ground_truth: GroundTruth, targets: TargetCache, rules: ScoringOptions
) -> Measurement:
    assert isinstance(answer, CaptionPrediction)
    return measure_caption(answer.text, ground_truth, rules)


RMEG = Task(
    name="rmeg",
    title="Referring motion expression generation",
    answers=(CaptionPrediction,),
    asks=lambda expression: bool(expression.annotation_ids),
    prompt=_prompt,
    measure=_measure,
    measure_missing=measure_no_caption,
    corpus=CaptionCorpus,
)
