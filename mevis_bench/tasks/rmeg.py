"""RMEG: put the motion of given objects into words (the paper, sections 3.3 and 5.7)."""

from mevis_bench.data.mevis.split import Split
from mevis_bench.metrics.aggregation import Measurement
from mevis_bench.metrics.description import CaptionCorpus, measure_caption, measure_no_caption
from mevis_bench.metrics.rules import ScoringRules
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.records import CaptionPrediction, Expression, TargetMasks, Truth
from mevis_bench.store.prediction_source import Answer
from mevis_bench.tasks.task import Task


def _prompt(split: Split, video_id: str, expression: Expression) -> TargetMasks:
    return TargetMasks(expression.id, split.truth(video_id, expression.id).objects)


def _measure(answer: Answer, truth: Truth, targets: TargetCache, rules: ScoringRules) -> Measurement:
    assert isinstance(answer, CaptionPrediction)
    return measure_caption(answer.text, truth, rules)


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
