"""Per-sample view of a scored run: ground truth, prediction, scores and error analysis, of every task."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks import MaskRows
from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.masks.tracks import boxes_of, to_tracks
from mevis_bench.metrics.description import reader_of
from mevis_bench.metrics.multi_object import true_tracks
from mevis_bench.metrics.protocols import find_protocol
from mevis_bench.metrics.region import intersections, region_j
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.targets import TargetCache, union
from mevis_bench.metrics.track_pairs import TrackPairs
from mevis_bench.metrics.tracking import check_tracks
from mevis_bench.records import (
    CaptionPrediction,
    DataError,
    GroundTruth,
    IncomparableError,
    TrackPrediction,
    UsageError,
)
from mevis_bench.records.dataset import Dataset
from mevis_bench.reports.failures import (
    MIN_BOX_IOU,
    ErrorAnalysis,
    Overlaps,
    classify_caption,
    classify_error,
    classify_tracks,
    track_overlaps,
)
from mevis_bench.reports.sample_view import Caption, Masks, SampleView, Tracks, sample_score
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.store.open_predictions import open_predictions
from mevis_bench.store.prediction_source import FrameSpec, LoadedMasks, LoadedPrediction
from mevis_bench.store.round_trips import newest_round_trip
from mevis_bench.store.score_files import read_results, read_scores
from mevis_bench.tasks import find_task
from mevis_bench.tasks.rmot import tracks_of


@dataclass(frozen=True, slots=True)
class ScoredRun:
    """A run with its scores on one split.

    Attributes:
        path: The run folder, whose predictions are shown.
        dataset: The split of the scores.
        results: The aggregate.
        scores: Scores of every sample.
        predicted_on: The split that the run was predicted on, where ``dataset`` is another one; else ``None``.
        predictions: Where the predictions are; ``None``: in ``path``.
    """

    path: Path
    dataset: Dataset
    results: Results
    scores: Sequence[SampleScore]
    predicted_on: str | None = None
    predictions: Path | None = None


def read_scored_run(run: Path, dataset: Dataset, predictions: Path | None = None) -> ScoredRun:
    """Read the scores of a run folder.

    Args:
        run: The scored folder.
        dataset: The split.
        predictions: The predictions, where they are not in ``run``.

    Raises:
        IncomparableError: They are of another split than ``dataset``.
        DataError: They cannot be read.
        UsageError: ``run`` does not exist.
    """
    results = read_results(run)
    if results.fingerprint != dataset.fingerprint:
        raise IncomparableError(
            f"run was scored on other annotation files than split {dataset.split!r}",
            location=str(run),
            hint="Pass the same --data and --split as when it was scored.",
        )
    return ScoredRun(run, dataset, results, read_scores(run), predictions=predictions)


class RunView:
    """The samples of one scored run, video by video; scores are read and predictions opened once.

    Args:
        scored: A scored run of any task.

    Raises:
        DataError: The predictions cannot be read.
        UsageError: They are points.
    """

    def __init__(self, scored: ScoredRun) -> None:
        self.dataset, self.task = scored.dataset, scored.results.task
        choices = scored.results.choices
        protocol = find_protocol(scored.results.protocol)
        if protocol is not None and protocol.measure == "points":
            raise UsageError(
                "points are not shown in pictures, the gallery or failures",
                location=str(scored.path),
                hint="Make masks of them: mevis-bench run --task rvos --method points_to_masks --weights answers=RUN",
            )
        self._options = ScoringOptions(
            protocol,
            missing=choices.get("missing", "error"),
            references=choices.get("references", "all"),
        )
        self._rows: dict[str, dict[str, SampleScore]] = {}
        for row in scored.scores:
            self._rows.setdefault(row.video, {})[row.sample] = row
        self._predictions = open_predictions(scored.predictions or scored.path)
        readers = filter(None, map(reader_of, scored.results.metrics))
        self._readers = {name: open_predictions(newest_round_trip(scored.path, name)) for name in readers}

    def video(self, video_id: str) -> Iterator[SampleView]:
        """Yield every scored sample of one video, in the order of the split; none for a video without scores.

        Raises:
            DataError: A prediction is broken or not one of the task, or a sample has no score.
        """
        rows = self._rows.get(video_id)
        if rows is None:
            return
        ground_truths = self.dataset.ground_truths(video_id)
        objects, targets = _annotated_objects(ground_truths), TargetCache()
        boxes = {name: boxes_of(masks) for name, masks in objects.items()} if self.task == "rmot" else {}
        for ground_truth in ground_truths:
            row = rows.get(ground_truth.sample)
            if row is None:
                continue
            prediction = self._prediction(ground_truth)
            score = sample_score(row, self.task)
            content: Masks | Tracks | Caption
            if self.task == "rmot":
                true = true_tracks(ground_truth, targets, self._options)
                analysis, content = _tracks(tracks_of(prediction, ground_truth), ground_truth, true, boxes, row, score)
            elif isinstance(prediction, CaptionPrediction):
                own = self._options.references == "own" or not ground_truth.references
                references = (ground_truth.expression.text,) if own else ground_truth.references
                found = self._found(ground_truth)
                content = Caption(_target(ground_truth, objects), prediction.text, references, found)
                analysis = classify_caption(row.sample, prediction.text, score, bool(row.values.get("repeated")))
            else:
                assert isinstance(prediction, LoadedMasks)
                content = _masks(prediction, _target(ground_truth, objects))
                names = ground_truth.expression.annotation_ids or ()
                analysis = classify_error(row.sample, overlaps_with(prediction.rows, objects), names, score)
            yield SampleView(ground_truth.expression, row, score, analysis, content)

    def _prediction(self, ground_truth: GroundTruth) -> LoadedPrediction:
        """Read one prediction; one that scoring counted as zero is empty."""
        size = ground_truth.height, ground_truth.width
        try:
            stored = self._predictions.read(ground_truth.expression.id, self._frames(ground_truth))
            return find_task(self.task).validate_prediction(stored, ground_truth.sample)
        except DataError:
            if self._options.missing == "error":
                raise
        if self.task == "rmeg":
            return CaptionPrediction("")
        return to_tracks([]) if self.task == "rmot" else LoadedMasks(MaskRows.empty(ground_truth.length, *size))

    def _found(self, ground_truth: GroundTruth) -> dict[str, MaskRows]:
        """Return the masks that each reader found by the sentence; none of an empty sentence, which was not read."""
        found = {}
        for name, source in self._readers.items():
            if ground_truth.sample in source.samples():
                masks = source.read(ground_truth.expression.id, self._frames(ground_truth))
                assert isinstance(masks, LoadedMasks)
                found[name] = masks.rows
        return found

    def _frames(self, ground_truth: GroundTruth) -> FrameSpec:
        names = self.dataset.frame_names(ground_truth.video_id)
        size = ground_truth.height, ground_truth.width
        missing = self._options.rules.missing_frames == "empty"
        return FrameSpec(ground_truth.video_id, names, *size, ground_truth.scored, missing)


def _target(ground_truth: GroundTruth, objects: Mapping[str, MaskRows]) -> MaskRows:
    empty = MaskRows.empty(ground_truth.length, ground_truth.height, ground_truth.width)
    return reduce(union, [objects[name] for name in ground_truth.expression.annotation_ids or ()], empty)


def _masks(prediction: LoadedMasks, target: MaskRows) -> Masks:
    common = intersections(prediction.rows, target)
    by_frame = region_j(common, prediction.rows.areas() + target.areas() - common)
    return Masks(target, prediction.rows, by_frame, prediction.target_score)


def _tracks(
    predicted: TrackPrediction,
    ground_truth: GroundTruth,
    true: TrackPrediction,
    boxes: Mapping[str, NDArray[np.int64]],
    row: SampleScore,
    score: float,
) -> tuple[ErrorAnalysis, Tracks]:
    check_tracks(predicted, ground_truth.length, row.sample)
    overlaps = track_overlaps(predicted, boxes, ground_truth.length)
    targets = ground_truth.expression.annotation_ids or ()
    analysis = classify_tracks(row.sample, overlaps, targets, score, row.values.get("IDSW") or 0)
    return analysis, Tracks(true, predicted, matched_boxes(true, predicted, ground_truth.length))


def matched_boxes(true: TrackPrediction, predicted: TrackPrediction, length: int) -> NDArray[np.float64]:
    """Return, for every frame, the boxes that match one of the other side over all boxes of both, ``(length,)``.

    Two boxes match where their IoU is at least ``MIN_BOX_IOU``, one to one; without boxes the value is 1.
    """
    pairs = TrackPairs.of(true, predicted)
    match = np.full(pairs.true.frames.size, -1, np.int64)
    close = np.where(pairs.similarity >= MIN_BOX_IOU, pairs.similarity, 0)
    for block in pairs.blocks:
        pairs.assign(block, close, match)
    matched = np.bincount(pairs.true.frames[match >= 0], minlength=length)
    every = np.bincount(true.frames, minlength=length) + np.bincount(predicted.frames, minlength=length)
    shares = np.ones(length)
    np.divide(2 * matched, every, out=shares, where=every > 0)
    return shares


def _annotated_objects(ground_truths: Sequence[GroundTruth]) -> dict[str, MaskRows]:
    """Return the masks of every annotated object of one video by annotation id."""
    objects: dict[str, MaskRows] = {}
    for ground_truth in ground_truths:
        for name, masks in zip(ground_truth.expression.annotation_ids or (), ground_truth.objects, strict=True):
            if name not in objects:
                location = f"ground truth of {ground_truth.video_id}, object {name}"
                objects[name] = rows_from_rle(masks, ground_truth.height, ground_truth.width, location=location)
    return objects


def overlaps_with(prediction: MaskRows, objects: Mapping[str, MaskRows]) -> Overlaps:
    """Return the overlap of a prediction with every annotated object of its video."""
    shape = (len(objects), prediction.length)
    covered = [intersections(prediction, rows) for rows in objects.values()]
    areas = [rows.areas() for rows in objects.values()]
    return Overlaps(
        ids=tuple(objects),
        covered=np.array(covered, np.int64).reshape(shape),
        areas=np.array(areas, np.int64).reshape(shape),
        predicted=prediction.areas(),
    )
