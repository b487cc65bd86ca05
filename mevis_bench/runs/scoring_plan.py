"""What is scored: which samples of which split, in which predictions, by which rules; and one video's share of it."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mevis_bench.data.registry import open_dataset
from mevis_bench.metrics.aggregation import Measured
from mevis_bench.metrics.rules import ScoringOptions
from mevis_bench.metrics.targets import TargetCache, target_columns
from mevis_bench.records import DataError, GroundTruth, NothingMeasuredError, UsageError
from mevis_bench.records.dataset import Dataset
from mevis_bench.store.open_predictions import open_predictions
from mevis_bench.store.prediction_source import FrameSpec, PredictionSource
from mevis_bench.tasks import Task, find_task


@dataclass(frozen=True, slots=True)
class ScoringJob:
    """One video's samples, ready for another process.

    Attributes:
        task: Name of the task.
        clip: The video's frames.
        ground_truths: Ground truth for each of the samples.
        source: Where the predictions are.
        rules: How to score.
    """

    task: str
    clip: FrameSpec
    ground_truths: tuple[GroundTruth, ...]
    source: PredictionSource
    rules: ScoringOptions


@dataclass(frozen=True, slots=True)
class ScoringPlan:
    """Everything that is scored.

    Attributes:
        task: The task.
        split: The truth.
        source: Where the predictions are.
        rules: How to score.
        asked: Ids of the expressions to score, by video.
        method: Name, variant and provenance of the method, where the predictions are a run of ours.
        threshold: PNG values from this one on are foreground; ``None``: all but 0.
    """

    task: Task
    split: Dataset
    source: PredictionSource
    rules: ScoringOptions
    asked: Mapping[str, tuple[str, ...]]
    method: Mapping[str, str]
    threshold: int | None

    @property
    def choices(self) -> Mapping[str, str]:
        """Everything chosen that may change a number."""
        threshold = {} if self.threshold is None else {"threshold": str(self.threshold)}
        return {**self.rules.as_choices(), **threshold}

    @property
    def samples(self) -> int:
        """How many samples are scored."""
        return sum(map(len, self.asked.values()))

    @property
    def frames(self) -> int:
        """How many frames are scored, once for every expression."""
        return sum(len(self.split.frame_names(video_id)) * len(ids) for video_id, ids in self.asked.items())

    def jobs(self) -> Iterator[ScoringJob]:
        """Yield one job a video."""
        for video_id, expression_ids in self.asked.items():
            ground_truths = tuple(self.split.ground_truth(video_id, expression_id) for expression_id in expression_ids)
            clip = FrameSpec(
                video_id, self.split.frame_names(video_id), ground_truths[0].height, ground_truths[0].width
            )
            yield ScoringJob(self.task.name, clip, ground_truths, self.source.only(video_id), self.rules)


def plan_scoring(
    predictions: Path,
    *,
    data: Path | None,
    split: str | None,
    data_set: str | None,
    task: str | None,
    rules: ScoringOptions,
    threshold: int | None,
    samples: Collection[str] | None,
) -> ScoringPlan:
    """Find out what is to be scored; see :func:`mevis_bench.runs.score.score_run` for the arguments.

    Raises:
        UsageError: There are no such predictions, split, task or samples, or the split has no truth.
        DataError: There are predictions of samples that the split does not have.
        NothingMeasuredError: The split has no sample of this task.
    """
    source = open_predictions(predictions, threshold=threshold)
    run = _read_run(predictions)
    chosen = find_task(task or run.task)
    opened = (
        open_dataset(data, split or "valid_u", data_set)
        if data or split
        else open_dataset(run.data, run.split, data_set or run.data_set)
    )
    _reject_unknown_samples(source, opened)
    wanted = samples if samples is not None else run.samples
    return ScoringPlan(chosen, opened, source, rules, _asked(opened, chosen, wanted), run.method, threshold)


@dataclass(frozen=True, slots=True)
class _Run:
    """What a run's manifest says about its predictions; the defaults are those of foreign files."""

    task: str = "rvos"
    data: Path | None = None
    split: str = "valid_u"
    data_set: str | None = None
    samples: tuple[str, ...] | None = None
    method: Mapping[str, str] = field(default_factory=dict)


def _read_run(predictions: Path) -> _Run:
    path = predictions / "manifest.json"
    if not path.is_file():
        return _Run()
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        identity = manifest["identity"]
        return _Run(
            task=str(identity["task"]),
            data=None if manifest["data"] == "embedded" else Path(manifest["data"]),
            split=str(identity["split"]),
            data_set=manifest.get("dataset", {}).get("name"),
            samples=tuple(identity["samples"]),
            method={
                "name": str(identity["method"]),
                "variant": str(identity["variant"]),
                "provenance": str(manifest["provenance"]),
                **({"bridge": str(identity["bridge"]["name"])} if identity["bridge"] else {}),
                **({"perturb": str(identity["perturb"])} if identity["perturb"] != "none" else {}),
            },
        )
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise DataError(f"is no manifest of a run: {error}", location=str(path)) from error


def _asked(split: Dataset, task: Task, samples: Collection[str] | None) -> Mapping[str, tuple[str, ...]]:
    """Return the ids of the expressions to score, by video; videos without any are left out."""
    if not split.has_ground_truth:
        raise UsageError(
            f"split {split.split!r} has no truth to score against",
            location=str(split.root),
            hint="The truth of valid and test is on the benchmark's server; valid_u and train have theirs.",
        )
    asked = {video: tuple(each.id for each in task.expressions(split, video)) for video in split.video_ids}
    if samples is not None:
        wanted = set(samples)
        unknown = sorted(wanted - {f"{video}/{name}" for video, names in asked.items() for name in names})
        if unknown:
            raise UsageError(f"the split has no sample {unknown[0]!r}", location=str(split.root))
        asked = {video: tuple(name for name in names if f"{video}/{name}" in wanted) for video, names in asked.items()}
    asked = {video: names for video, names in asked.items() if names}
    if not asked:
        raise NothingMeasuredError(f"the split has no samples for {task.name}", location=str(split.root))
    return asked


def _reject_unknown_samples(source: PredictionSource, split: Dataset) -> None:
    known = {f"{video}/{expression.id}" for video in split.video_ids for expression in split.expressions(video)}
    unknown = sorted(source.samples() - known)
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise DataError(
            f"predictions of samples that split {split.split!r} does not have: {unknown[0]}{more}",
            hint="Is it the right --data and --split?",
        )


def measure_video(job: ScoringJob) -> list[Measured]:
    """Measure every sample of one video.

    Raises:
        DataError: A prediction is missing or broken, and the rules don't count that as zero.
    """
    targets = TargetCache()
    return [_measure(job, ground_truth, targets) for ground_truth in job.ground_truths]


def _measure(job: ScoringJob, ground_truth: GroundTruth, targets: TargetCache) -> Measured:
    task = find_task(job.task)
    columns = target_columns(ground_truth, targets.target(ground_truth))
    try:
        answer = task.validate_prediction(job.source.read(ground_truth.expression.id, job.clip), ground_truth.sample)
        measurement, fault = task.measure(answer, ground_truth, targets, job.rules), None
    except DataError as error:
        if job.rules.missing == "error":
            raise
        measurement, fault = task.measure_missing(ground_truth, targets), str(error)
    return Measured(ground_truth.sample, {**measurement.values, **columns}, measurement.statistics, fault)
