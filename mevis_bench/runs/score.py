"""Scoring: predictions of any format against a split's truth; ``scores.jsonl`` and ``results.json`` come out."""

import errno
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mevis_bench.data.mevis import Split, open_split
from mevis_bench.metrics.measured import Corpus, Measured
from mevis_bench.metrics.rules import ScoringRules
from mevis_bench.metrics.slices import BUILT_IN, Slice
from mevis_bench.metrics.targets import TargetCache, target_columns
from mevis_bench.records import DataError, NothingMeasuredError, Truth, UsageError
from mevis_bench.store.open_predictions import open_predictions
from mevis_bench.store.prediction_source import Clip, PredictionSource
from mevis_bench.store.score_files import Results, SampleScore, write_scores
from mevis_bench.tasks import Task, find_task

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Scored:
    """What scoring gives.

    Attributes:
        results: The aggregate.
        scores: Every sample's scores, sorted by sample.
        faults: Why samples count as zero, by sample; empty unless the rules allow it.
        notes: What the reader should know, for instance why a metric is undefined.
        out: Where the two files were written.
    """

    results: Results
    scores: Sequence[SampleScore]
    faults: Mapping[str, str]
    notes: Sequence[str]
    out: Path


@dataclass(frozen=True, slots=True)
class VideoJob:
    """One video's samples, ready for another process.

    Attributes:
        task: Name of the task.
        clip: The video's frames.
        truths: What is right for each of the samples.
        source: Where the predictions are.
        rules: How to score.
    """

    task: str
    clip: Clip
    truths: tuple[Truth, ...]
    source: PredictionSource
    rules: ScoringRules


def score_run(
    predictions: Path,
    *,
    data: Path | None = None,
    split: str = "valid_u",
    task: str | None = None,
    rules: ScoringRules | None = None,
    threshold: int | None = None,
    samples: Collection[str] | None = None,
    slices: Sequence[Slice] = (),
    out: Path | None = None,
    progress: Progress | None = None,
) -> Scored:
    """Score predictions and write ``scores.jsonl`` and ``results.json``.

    Args:
        predictions: A run folder, an official PNG tree, a zip of one, or a JSON file.
        data: A MeViS folder or a split itself; ``None``: the embedded split.
        split: Name of the split in ``data``.
        task: ``rvos``, ``avos``, ``rmot`` or ``rmeg``; ``None``: what the run says, else ``rvos``.
        rules: Every open point of scoring; ``None``: the defaults.
        threshold: PNG values from this one on are foreground; ``None``: all but 0.
        samples: Score only these of the split; ``None``: those the run planned, else all.
        slices: Slices beside the built-in ones.
        out: Folder of the two files; ``None``: beside the predictions (in them, where they are a folder).
        progress: Called with (samples done, samples in all).

    Raises:
        UsageError: There are no such predictions, split or task, or the split has no truth.
        DataError: A prediction is missing or broken and the rules don't allow it, or is of no sample of the split.
        NothingMeasuredError: The split has no sample of this task.
    """
    rules = rules or ScoringRules()
    source = open_predictions(predictions, threshold=threshold)
    run = _read_run(predictions)
    chosen = find_task(task or run.task)
    opened = open_split(data, split)
    jobs = _plan(opened, chosen, source, rules, samples if samples is not None else run.samples)
    total = sum(len(job.truths) for job in jobs)
    measured: list[Measured] = []
    corpus = chosen.corpus()
    try:
        for done in map(measure_video, jobs):
            measured.extend(done)
            if progress:
                progress(len(measured), total)
        corpus.take(measured)
        scores, results = _conclude(corpus, measured, chosen, rules, opened, run, (*BUILT_IN, *slices))
    finally:
        corpus.close()
    folder = out or (predictions if predictions.is_dir() else predictions.parent)
    _write(folder, scores, results)
    faults = {sample.sample: sample.fault for sample in measured if sample.fault is not None}
    return Scored(results, sorted(scores, key=lambda score: score.sample), faults, corpus.notes, folder)


def _write(folder: Path, scores: Sequence[SampleScore], results: Results) -> None:
    try:
        write_scores(folder, scores, results)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise
        raise UsageError(
            f"scores can't be written here: {error.strerror}", where=str(folder), hint="Say where with --out DIR."
        ) from error


@dataclass(frozen=True, slots=True)
class _Run:
    """What a run's manifest says about its predictions; the defaults are those of foreign files."""

    task: str = "rvos"
    samples: tuple[str, ...] | None = None
    method: Mapping[str, str] = field(default_factory=dict)


def _read_run(predictions: Path) -> _Run:
    path = predictions / "manifest.json"
    if not path.is_file():
        return _Run()
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        identity = manifest["identity"]
        method = {
            "name": str(identity["method"]),
            "variant": str(identity["variant"]),
            "provenance": str(manifest["provenance"]),
        }
        return _Run(str(identity["task"]), tuple(identity["samples"]), method)
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise DataError(f"is no manifest of a run: {error}", where=str(path)) from error


def _plan(
    split: Split, task: Task, source: PredictionSource, rules: ScoringRules, samples: Collection[str] | None
) -> list[VideoJob]:
    """Make one job a video and refuse predictions of samples that the split does not have."""
    if not split.has_truth:
        raise UsageError(
            f"split {split.name!r} has no truth to score against",
            where=str(split.root),
            hint="The truth of valid and test is on the benchmark's server; valid_u and train have theirs.",
        )
    asked = {
        f"{video_id}/{expression.id}": None
        for video_id in split.video_ids
        for expression in task.expressions(split, video_id)
    }
    _refuse_strangers(source, split, samples)
    wanted = set(asked) if samples is None else set(samples)
    unknown = sorted(wanted - set(asked))
    if unknown:
        raise UsageError(f"the split has no sample {unknown[0]!r}", where=str(split.root))
    if not wanted:
        raise NothingMeasuredError(f"the split has no samples for {task.name}", where=str(split.root))
    jobs = (_job(split, task, source, rules, video_id, wanted) for video_id in split.video_ids)
    return [job for job in jobs if job.truths]


def _refuse_strangers(source: PredictionSource, split: Split, samples: Collection[str] | None) -> None:
    known = {f"{video}/{expression.id}" for video in split.video_ids for expression in split.expressions(video)}
    strangers = sorted(source.samples() - known)
    if strangers:
        more = f" and {len(strangers) - 1} more" if len(strangers) > 1 else ""
        raise DataError(
            f"predictions of samples that split {split.name!r} does not have: {strangers[0]}{more}",
            hint="Is it the right --data and --split?",
        )


def _job(
    split: Split, task: Task, source: PredictionSource, rules: ScoringRules, video_id: str, wanted: Collection[str]
) -> VideoJob:
    truths = tuple(
        split.truth(video_id, expression.id)
        for expression in task.expressions(split, video_id)
        if f"{video_id}/{expression.id}" in wanted
    )
    height, width = (truths[0].height, truths[0].width) if truths else (0, 0)
    clip = Clip(video_id, split.frame_names(video_id), height, width)
    return VideoJob(task.name, clip, truths, source.only(video_id), rules)


def measure_video(job: VideoJob) -> list[Measured]:
    """Measure every sample of one video.

    Raises:
        DataError: A prediction is missing or broken, and the rules don't count that as zero.
    """
    targets = TargetCache()
    return [_measure(job, truth, targets) for truth in job.truths]


def _measure(job: VideoJob, truth: Truth, targets: TargetCache) -> Measured:
    task = find_task(job.task)
    columns = target_columns(truth, targets.target(truth))
    fault = None
    try:
        answer = task.check_answer(job.source.read(truth.expression.id, job.clip), truth.sample)
    except DataError as error:
        if job.rules.missing == "error":
            raise
        fault = str(error)
        measurement = task.measure_missing(truth, targets)
    else:
        measurement = task.measure(answer, truth, targets, job.rules)
    return Measured(truth.sample, {**measurement.values, **columns}, measurement.statistics, fault)


def _conclude(
    corpus: Corpus,
    measured: Sequence[Measured],
    task: Task,
    rules: ScoringRules,
    split: Split,
    run: _Run,
    slices: Sequence[Slice],
) -> tuple[list[SampleScore], Results]:
    values = corpus.values()
    members = {part.name: [k for k, row in enumerate(values) if part.holds(row)] for part in slices}
    groups: list[list[str]] = [[] for _ in measured]
    for name, chosen in members.items():
        for k in chosen:
            groups[k].append(name)
    scores = [
        SampleScore(sample.sample, row, tuple(sorted(names)))
        for sample, row, names in zip(measured, values, groups, strict=True)
    ]
    missing = sum(sample.fault is not None for sample in measured)
    results = Results(
        task=task.name,
        protocol=rules.protocol,
        metrics=corpus.metrics(range(len(measured))),
        counts={"expected": len(measured), "scored": len(measured) - missing, "missing": missing},
        split=split.name,
        fingerprint=split.fingerprint,
        slices={name: {"count": len(chosen), **corpus.metrics(chosen)} for name, chosen in members.items()},
        method=run.method,
        choices=rules.as_choices(),
    )
    return scores, results
