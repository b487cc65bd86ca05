"""RMOT: track the objects that a sentence refers to with boxes (the paper, sections 3.3 and 5.5)."""

from typing import assert_never

from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.masks.tracks import to_tracks
from mevis_bench.metrics.aggregation import SampleMetrics
from mevis_bench.metrics.multi_object import TRACK_METRICS, TrackAggregator, score_missing_tracks, score_track_sample
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.metrics.track_margins import pooled_margins
from mevis_bench.records import CaptionPrediction, Expression, GroundTruth, PointPrediction, TextPrompt, TrackPrediction
from mevis_bench.records.dataset import Dataset
from mevis_bench.store.prediction_source import LoadedMasks, LoadedPrediction
from mevis_bench.tasks.references import TRACK_REFERENCE
from mevis_bench.tasks.task import Task


def _prompt(split: Dataset, video_id: str, expression: Expression) -> TextPrompt:
    return TextPrompt(expression.id, expression.text)


def _score(
    prediction: LoadedPrediction, ground_truth: GroundTruth, targets: TargetCache, options: ScoringOptions
) -> SampleMetrics:
    return score_track_sample(tracks_of(prediction, ground_truth), ground_truth, targets, options)


def tracks_of(prediction: LoadedPrediction, ground_truth: GroundTruth) -> TrackPrediction:
    """Return a prediction as it is scored: of masks the boxes, one track per object, one where objects are not known.

    Raises:
        TypeError: It has neither boxes nor masks.
        DataError: A mask does not have the video's size.
    """
    match prediction:
        case TrackPrediction():
            return prediction
        case LoadedMasks():
            return _from_masks(prediction, ground_truth)
        case PointPrediction() | CaptionPrediction():
            raise TypeError(f"rmot is not scored from a {type(prediction).__name__}")
        case _:
            assert_never(prediction)


def _from_masks(prediction: LoadedMasks, ground_truth: GroundTruth) -> TrackPrediction:
    if prediction.objects is None:
        return to_tracks([prediction.rows])
    shape = ground_truth.height, ground_truth.width
    return to_tracks(
        [rows_from_rle(masks, *shape, location=f"{ground_truth.sample}, objects") for masks in prediction.objects]
    )


RMOT = Task(
    name="rmot",
    title="Referring multi-object tracking",
    metrics=TRACK_METRICS,
    headlines=("HOTA",),
    ranking="HOTA*",
    sample_score="HOTA*",
    sample_details=("DetA", "AssA", "IDF1"),
    scorable=(TrackPrediction, LoadedMasks),
    applies_to=lambda expression: True,
    make_prompt=_prompt,
    score=_score,
    score_missing=score_missing_tracks,
    aggregator=lambda options: TrackAggregator(),
    reference=TRACK_REFERENCE,
    pooled_margins=pooled_margins,
    paper_tables=(10,),
    example="mevis-bench run --task rmot --method lmpmpp",
)
