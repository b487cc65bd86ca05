"""AVOS: segment what a spoken sentence refers to; the sentence itself is not shown (the paper, section 3.3)."""

from mevis_bench.metrics.aggregation import Measurement
from mevis_bench.metrics.rules import ScoringOptions
from mevis_bench.metrics.segmentation import MaskCorpus, measure_masks, measure_no_masks
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.records import DataError, Expression, GroundTruth, SpeechPrompt
from mevis_bench.records.dataset import Dataset
from mevis_bench.store.prediction_source import LoadedMasks, LoadedPrediction
from mevis_bench.tasks.task import Task


def _prompt(split: Dataset, video_id: str, expression: Expression) -> SpeechPrompt:
    audio = split.audio(video_id, expression.id)
    if audio is None:
        raise DataError("the expression has no audio", location=f"{split.root}, {video_id}/{expression.id}")
    return SpeechPrompt(expression.id, audio)


def _measure(
    answer: LoadedPrediction, ground_truth: GroundTruth, targets: TargetCache, rules: ScoringOptions
) -> Measurement:
    assert isinstance(answer, LoadedMasks)
    return measure_masks(answer.rows, answer.target_score, ground_truth, targets, rules)


AVOS = Task(
    name="avos",
    title="Audio-guided video object segmentation",
    answers=(LoadedMasks,),
    asks=lambda expression: True,
    prompt=_prompt,
    measure=_measure,
    measure_missing=measure_no_masks,
    corpus=MaskCorpus,
)
