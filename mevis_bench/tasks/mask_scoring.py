"""Scoring of masks and points by the measure of a protocol (``ScoringProtocol.measure``), for RVOS and AVOS."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks import MaskRows
from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.metrics.aggregation import Aggregator, SampleMetrics
from mevis_bench.metrics.annotators import RECALL_AND_DECAY, UNASSIGNED, AnnotatorAggregator, score_annotator
from mevis_bench.metrics.candidates import CANDIDATE_METRICS, CandidateAggregator, score_candidates
from mevis_bench.metrics.long_rvos import LONG_RVOS_METRICS, LongRvosAggregator, temporal_ious
from mevis_bench.metrics.point_samples import (
    POINT_METRICS,
    PointAggregator,
    score_missing_points,
    score_point_sample,
)
from mevis_bench.metrics.revos import REVOS_METRICS, RevosAggregator, accuracy_and_robustness, rounded
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.segmentation import MaskAggregator, measures_by_frame, score_mask_sample, score_missing_masks
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.records import GroundTruth, PointPrediction, UsageError
from mevis_bench.store.prediction_source import KINDS, LoadedMasks, LoadedPrediction

PROTOCOL_METRICS = (*RECALL_AND_DECAY, *CANDIDATE_METRICS, *REVOS_METRICS, *LONG_RVOS_METRICS, *POINT_METRICS)
"""Metrics that only protocols of other data sets than MeViS have, in the order of the table's columns."""


def score(
    prediction: LoadedPrediction, ground_truth: GroundTruth, targets: TargetCache, options: ScoringOptions
) -> SampleMetrics:
    """Score one prediction by the protocol's measure.

    Raises:
        UsageError: The protocol measures points, and these are masks, or the other way round.
    """
    if options.rules.measure == "points" and isinstance(prediction, PointPrediction):
        return score_point_sample(prediction, ground_truth, options)
    if options.rules.measure == "points" or not isinstance(prediction, LoadedMasks):
        raise UsageError(
            f"protocol {options.rules.name} does not measure {KINDS[type(prediction)]}",
            location="--protocol",
            hint="Points are measured by points and points_lmms_eval, masks by the other protocols; the method "
            "points_to_masks makes masks of points.",
        )
    match options.rules.measure:
        case "regions":
            return score_mask_sample(prediction.rows, prediction.target_score, ground_truth, targets, options)
        case "annotators":
            raise TypeError("samples of a video are scored together")
        case "candidates":
            return _score_candidates(prediction, ground_truth, targets, options)
        case "revos":
            return _score_revos(prediction, ground_truth, targets, options)
        case "long_rvos":
            return _score_long_rvos(prediction, ground_truth, targets, options)
        case _:
            assert_never(options.rules.measure)


def _score_candidates(
    prediction: LoadedMasks, ground_truth: GroundTruth, targets: TargetCache, options: ScoringOptions
) -> SampleMetrics:
    """Score the candidates of a prediction on the one scored frame; without any, its mask with the score 1.

    ``J``, ``F`` and ``J&F`` of the foreground on that frame are columns next to them, for the gallery and slices.
    """
    frame = (ground_truth.scored or (0,))[0]
    target = targets.target(ground_truth).rows.frame(frame)
    scored = _scored_candidates(prediction, frame, target, ground_truth)
    j, f = (
        float(measure[0])
        for measure in measures_by_frame(prediction.rows.frame(frame), target, options.rules.boundary_tolerance)
    )
    return SampleMetrics({**scored.values, "J": j, "F": f, "J&F": (j + f) / 2}, scored.statistics)


def _scored_candidates(
    prediction: LoadedMasks, frame: int, target: MaskRows, ground_truth: GroundTruth
) -> SampleMetrics:
    if prediction.candidates is None:
        return score_candidates([1.0], [prediction.rows.frame(frame)], target)
    size, location = (ground_truth.height, ground_truth.width), f"{ground_truth.sample}, candidates"
    masks = [
        rows_from_rle(candidate.masks[frame : frame + 1], *size, location=location)
        for candidate in prediction.candidates
    ]
    return score_candidates([candidate.score for candidate in prediction.candidates], masks, target)


def _score_revos(
    prediction: LoadedMasks, ground_truth: GroundTruth, targets: TargetCache, options: ScoringOptions
) -> SampleMetrics:
    target = targets.target(ground_truth)
    j, f = (
        float(np.mean(measure))
        for measure in measures_by_frame(prediction.rows, target.rows, options.rules.boundary_tolerance)
    )
    size, foreground = (ground_truth.height, ground_truth.width), ground_truth.regions["foreground"]
    every = rows_from_rle(foreground, *size, location=f"foreground of {ground_truth.video_id}")
    frames = (
        tuple(rows.frame(t).to_dense()[0] for rows in (prediction.rows, every, *target.objects.values()))
        for t in range(ground_truth.length)
    )
    a, r = accuracy_and_robustness(
        ((answer, objects, everything) for answer, everything, *objects in frames), options.rules.foreground_value
    )
    values = {"J": j, "F": f, "A": a, "R": r}
    return SampleMetrics(rounded({"J&F": (j + f) / 2, **values}, options.rules.decimals))


def _score_long_rvos(
    prediction: LoadedMasks, ground_truth: GroundTruth, targets: TargetCache, options: ScoringOptions
) -> SampleMetrics:
    target = targets.target(ground_truth)
    by_frame = measures_by_frame(prediction.rows, target.rows, options.rules.boundary_tolerance)
    j, f = (float(np.mean(measure)) for measure in by_frame)
    t_iou, v_iou = temporal_ious(prediction.rows.areas() > 0, target.areas > 0, by_frame[0])
    return SampleMetrics({"J&F": (j + f) / 2, "J": j, "F": f, "tIoU": t_iou, "vIoU": v_iou})


def score_missing(ground_truth: GroundTruth, targets: TargetCache, options: ScoringOptions) -> SampleMetrics:
    """Return the values of a sample without a prediction, by the protocol's measure."""
    match options.rules.measure:
        case "regions":
            return score_missing_masks(ground_truth, targets, options)
        case "annotators":
            raise TypeError("samples of a video are scored together")
        case "candidates":
            frame = (ground_truth.scored or (0,))[0]
            scored = score_candidates([], [], targets.target(ground_truth).rows.frame(frame))
            return SampleMetrics({**scored.values, "J": 0.0, "F": 0.0, "J&F": 0.0}, scored.statistics)
        case "revos":
            return SampleMetrics(dict.fromkeys(("J&F", "J", "F", "A", "R"), 0.0))
        case "long_rvos":
            return SampleMetrics(dict.fromkeys(("J&F", "J", "F", "tIoU", "vIoU"), 0.0))
        case "points":
            return score_missing_points(ground_truth)
        case _:
            assert_never(options.rules.measure)


def score_jointly(
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


def aggregator(options: ScoringOptions) -> Aggregator:
    """Make the aggregator of the protocol's measure."""
    match options.rules.measure:
        case "regions":
            return MaskAggregator()
        case "annotators":
            return AnnotatorAggregator()
        case "candidates":
            return CandidateAggregator()
        case "revos":
            return RevosAggregator(options.rules.decimals)
        case "long_rvos":
            return LongRvosAggregator()
        case "points":
            return PointAggregator()
        case _:
            assert_never(options.rules.measure)
