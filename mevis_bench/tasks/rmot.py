"""RMOT: track what a sentence refers to with boxes (the paper, sections 3.3 and 5.5)."""

from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.masks.tracks import to_tracks
from mevis_bench.metrics.aggregation import Measurement
from mevis_bench.metrics.multi_object import TrackCorpus, measure_no_tracks, measure_tracks
from mevis_bench.metrics.rules import ScoringOptions
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.records import Expression, GroundTruth, TextPrompt, TrackPrediction
from mevis_bench.records.dataset import Dataset
from mevis_bench.store.prediction_source import LoadedMasks, LoadedPrediction
from mevis_bench.tasks.task import Task


def _prompt(split: Dataset, video_id: str, expression: Expression) -> TextPrompt:
    return TextPrompt(expression.id, expression.text)


def _measure(
    answer: LoadedPrediction, ground_truth: GroundTruth, targets: TargetCache, rules: ScoringOptions
) -> Measurement:
    tracks = answer if isinstance(answer, TrackPrediction) else _tracks(answer, ground_truth)
    return measure_tracks(tracks, ground_truth, targets, rules)


def _tracks(answer: LoadedPrediction, ground_truth: GroundTruth) -> TrackPrediction:
    """Turn masks into boxes: one track per object, one for all of them where objects are not told apart."""
    assert isinstance(answer, LoadedMasks)
    if answer.objects is None:
        return to_tracks([answer.rows])
    shape = ground_truth.height, ground_truth.width
    return to_tracks(
        [rows_from_rle(masks, *shape, location=f"{ground_truth.sample}, objects") for masks in answer.objects]
    )


RMOT = Task(
    name="rmot",
    title="Referring multi-object tracking",
    answers=(TrackPrediction, LoadedMasks),
    asks=lambda expression: True,
    prompt=_prompt,
    measure=_measure,
    measure_missing=measure_no_tracks,
    corpus=TrackCorpus,
)
