"""RVOS: segment the objects that a sentence refers to (the paper, section 3.3; metrics in section 5)."""

from mevis_bench.metrics.segmentation import MASK_METRICS
from mevis_bench.records import Expression, PointPrediction, TextPrompt
from mevis_bench.records.dataset import Dataset
from mevis_bench.store.prediction_source import LoadedMasks
from mevis_bench.tasks import mask_scoring
from mevis_bench.tasks.references import MASK_REFERENCE
from mevis_bench.tasks.task import Task


def _prompt(split: Dataset, video_id: str, expression: Expression) -> TextPrompt:
    return TextPrompt(expression.id, expression.text)


RVOS = Task(
    name="rvos",
    title="Referring video object segmentation",
    metrics=MASK_METRICS,
    headlines=("J&F",),
    ranking="J&F",
    sample_score="J&F",
    sample_details=("J", "F"),
    scorable=(LoadedMasks, PointPrediction),
    applies_to=lambda expression: True,
    make_prompt=_prompt,
    score=mask_scoring.score,
    score_missing=mask_scoring.score_missing,
    aggregator=mask_scoring.aggregator,
    protocol_metrics=mask_scoring.PROTOCOL_METRICS,
    score_jointly=mask_scoring.score_jointly,
    reference=MASK_REFERENCE,
    paper_tables=(5, 6, 7, 8, 9),
    example="mevis-bench run --task rvos --method lmpmpp",
)
