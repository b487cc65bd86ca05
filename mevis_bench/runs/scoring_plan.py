"""Plan of scoring: samples of a split, their predictions and the options; scored one video at a time."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mevis_bench.metrics.aggregation import ScoredSample
from mevis_bench.metrics.protocols import POINTS
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.targets import TargetCache, target_columns
from mevis_bench.records import DataError, GroundTruth, NothingMeasuredError, UsageError
from mevis_bench.records.dataset import Dataset
from mevis_bench.runs.run_split import OpenedSplit, open_split
from mevis_bench.store.formats.run_folder_lines import RunPredictions
from mevis_bench.store.open_predictions import open_predictions
from mevis_bench.store.prediction_source import FrameSpec, LoadedPrediction, PredictionSource
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.tasks import Task, find_task


@dataclass(frozen=True, slots=True)
class ScoringJob:
    """The samples of one video; can be pickled for another process.

    Attributes:
        task: Name of the task.
        frames: The video's frames.
        ground_truths: Ground truth of every sample.
        source: The predictions.
        options: Options of scoring.
    """

    task: str
    frames: FrameSpec
    ground_truths: tuple[GroundTruth, ...]
    source: PredictionSource
    options: ScoringOptions


@dataclass(frozen=True, slots=True)
class ScoringPlan:
    """Everything that is scored.

    Attributes:
        task: The task.
        split: The split with the ground truth.
        split_name: Its name, for results.
        source: The predictions.
        options: Options of scoring.
        expression_ids: Ids of the expressions to score, by video.
        method: Name, variant and provenance of the method, where the predictions are a run folder.
        threshold: PNG values from this one on are foreground; ``None``: all but 0.
        predicted_on: The split that the run was predicted on, where it is scored on another one; else ``None``.
        ignored: Number of predictions of samples that the split leaves out, see ``Dataset.unscored_samples``.
    """

    task: Task
    split: Dataset
    source: PredictionSource
    options: ScoringOptions
    expression_ids: Mapping[str, tuple[str, ...]]
    method: Mapping[str, str]
    threshold: int | None
    split_name: str
    predicted_on: str | None = None
    ignored: int = 0

    @property
    def choices(self) -> Mapping[str, str]:
        """Every setting besides the protocol that may change a score."""
        threshold = {} if self.threshold is None else {"threshold": str(self.threshold)}
        predicted_on = {} if self.predicted_on is None else {"predicted_on": self.predicted_on}
        return {**self.options.as_choices(), **threshold, **predicted_on}

    @property
    def num_samples(self) -> int:
        """Number of samples."""
        return sum(map(len, self.expression_ids.values()))

    @property
    def num_frames(self) -> int:
        """Number of frames, counted once per expression."""
        return sum(len(self.split.frame_names(video_id)) * len(ids) for video_id, ids in self.expression_ids.items())

    def jobs(self) -> Iterator[ScoringJob]:
        """Yield one job a video."""
        missing = self.options.rules.missing_frames == "empty"
        for video_id, expression_ids in self.expression_ids.items():
            ground_truths = tuple(self.split.ground_truth(video_id, expression_id) for expression_id in expression_ids)
            first = ground_truths[0]
            frames = FrameSpec(
                video_id, self.split.frame_names(video_id), first.height, first.width, first.scored, missing
            )
            yield ScoringJob(self.task.name, frames, ground_truths, self.source.only(video_id), self.options)


def plan_scoring(
    predictions: Path,
    *,
    data: Path | None,
    split: str | None,
    data_set: str | None,
    dataset: Dataset | None,
    task: str | None,
    options: ScoringOptions,
    threshold: int | None,
    samples: Collection[str] | None,
    allow_other_split: bool = False,
) -> ScoringPlan:
    """Make the plan; see :func:`mevis_bench.runs.score.score_run` for the arguments.

    Raises:
        IncomparableError: The run was predicted on another split.
        UsageError: There are no such predictions, split, task or samples, or the split has no truth.
        DataError: There are predictions of samples that the split does not have.
        NothingMeasuredError: The split has no sample of this task.
    """
    source = open_predictions(predictions, threshold=threshold)
    run = _read_run(predictions)
    if dataset is not None:
        opened = OpenedSplit(dataset, dataset.split)
    else:
        opened = open_split(predictions, data=data, split=split, data_set=data_set, allow_other_split=allow_other_split)
    dataset = opened.dataset
    resolved = find_task(task or run.task or dataset.info.tasks[0])
    resolved.check_scorable()
    ignored = _unscored_predictions(source, dataset)
    expression_ids = _select(dataset, resolved, samples if samples is not None else run.samples)
    return ScoringPlan(
        resolved,
        dataset,
        source,
        options.for_data_set(default_protocol(dataset, source)),
        expression_ids,
        run.method,
        threshold,
        split_name=opened.name,
        predicted_on=opened.predicted_on,
        ignored=ignored,
    )


def default_protocol(dataset: Dataset, source: PredictionSource) -> str:
    """Return the protocol by which predictions are scored where none is given: the data set's, but of points theirs."""
    is_points = isinstance(source, RunPredictions) and source.holds_points()
    return POINTS.name if is_points else dataset.info.protocol


@dataclass(frozen=True, slots=True)
class _Run:
    """Fields of a run's manifest that describe its predictions; the defaults are for predictions without one."""

    task: str | None = None
    samples: tuple[str, ...] | None = None
    method: Mapping[str, str] = field(default_factory=dict)


def _read_run(predictions: Path) -> _Run:
    folder = RunFolder(predictions)
    if not folder.manifest_path.is_file():
        return _Run()
    manifest = folder.read_manifest()
    identity = manifest.identity
    return _Run(
        task=identity.task,
        samples=identity.samples,
        method={
            "name": identity.method,
            "variant": identity.variant,
            "provenance": manifest.provenance,
            **({"bridge": str(identity.bridge["name"])} if identity.bridge else {}),
            **({"perturb": identity.perturb} if identity.perturb != "none" else {}),
        },
    )


def _select(split: Dataset, task: Task, samples: Collection[str] | None) -> Mapping[str, tuple[str, ...]]:
    """Return the ids of the expressions to score, by video; videos without any are left out."""
    if not split.has_ground_truth:
        raise UsageError(
            f"split {split.split!r} has no ground truth to score against",
            location=str(split.root),
            hint=split.info.source
            or "The ground truth of valid and test is on the benchmark's server; valid_u and train have theirs.",
        )
    selection = {
        video_id: tuple(expression.id for expression in task.expressions(split, video_id))
        for video_id in split.video_ids
    }
    if samples is not None:
        requested = set(samples)
        unknown = sorted(requested - {f"{video}/{name}" for video, names in selection.items() for name in names})
        if unknown:
            raise UsageError(f"the split has no sample {unknown[0]!r}", location=str(split.root))
        selection = {
            video: tuple(name for name in names if f"{video}/{name}" in requested) for video, names in selection.items()
        }
    selection = {video: names for video, names in selection.items() if names}
    if not selection:
        raise NothingMeasuredError(f"the split has no samples for {task.name}", location=str(split.root))
    return selection


def _unscored_predictions(source: PredictionSource, split: Dataset) -> int:
    """Return the number of predictions of samples that the split leaves out; unknown samples are an error."""
    known = {f"{video}/{expression.id}" for video in split.video_ids for expression in split.expressions(video)}
    others = source.samples() - known
    unknown = sorted(others - split.unscored_samples)
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise DataError(
            f"predictions of samples that split {split.split!r} does not have: {unknown[0]}{more}",
            hint="Check --data and --split.",
        )
    return len(others)


def score_video(job: ScoringJob) -> list[ScoredSample]:
    """Score every sample of one video.

    Raises:
        DataError: A prediction is missing or invalid, and ``options.missing`` is ``error``.
    """
    targets = TargetCache()
    if job.options.rules.measure == "annotators":
        return _score_jointly(job, targets)
    return [_score(job, ground_truth, targets) for ground_truth in job.ground_truths]


def _score_jointly(job: ScoringJob, targets: TargetCache) -> list[ScoredSample]:
    task = find_task(job.task)
    if task.score_jointly is None:
        raise UsageError(f"protocol {job.options.rules.name!r} is not one of {task.name}", location="--protocol")
    predictions: list[LoadedPrediction | None] = []
    reasons: list[str | None] = []
    for truth in job.ground_truths:
        try:
            stored = job.source.read(truth.expression.id, job.frames)
            predictions.append(task.validate_prediction(stored, truth.sample))
            reasons.append(None)
        except DataError as error:
            if job.options.missing == "error":
                raise
            predictions.append(None)
            reasons.append(str(error))
    scores = task.score_jointly(predictions, job.ground_truths, targets, job.options)
    return [
        ScoredSample(
            truth.sample, {**metrics.values, **target_columns(truth, targets.target(truth))}, metrics.statistics, reason
        )
        for truth, metrics, reason in zip(job.ground_truths, scores, reasons, strict=True)
    ]


def _score(job: ScoringJob, ground_truth: GroundTruth, targets: TargetCache) -> ScoredSample:
    task = find_task(job.task)
    columns = target_columns(ground_truth, targets.target(ground_truth))
    try:
        stored = job.source.read(ground_truth.expression.id, job.frames)
        prediction = task.validate_prediction(stored, ground_truth.sample)
        scores, reason = task.score(prediction, ground_truth, targets, job.options), None
    except DataError as error:
        if job.options.missing == "error":
            raise
        scores, reason = task.score_missing(ground_truth, targets, job.options), str(error)
    kind = ground_truth.expression.kind
    return ScoredSample(ground_truth.sample, {**scores.values, **columns}, scores.statistics, reason, kind)
