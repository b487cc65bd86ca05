"""Scoring: predictions of any format against a split's truth; ``scores.jsonl`` and ``results.json`` come out."""

import errno
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mevis_bench.metrics.aggregation import Corpus, Measured
from mevis_bench.metrics.rules import ScoringOptions
from mevis_bench.metrics.slices import BUILT_IN, Slice
from mevis_bench.records import UsageError
from mevis_bench.runs.scoring_plan import ScoringPlan, measure_video, plan_scoring
from mevis_bench.runs.scoring_pool import map_in_order, worker_count
from mevis_bench.store.score_files import Results, SampleScore, write_scores

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ScoringResult:
    """What scoring gives.

    Attributes:
        results: The aggregate.
        scores: Every sample's scores, sorted by sample.
        faults: Why samples count as zero, by sample; empty unless the rules allow it.
        notes: What the reader should know, for instance why a metric is undefined.
        assignment: What was scored.
    """

    results: Results
    scores: Sequence[SampleScore]
    faults: Mapping[str, str]
    notes: Sequence[str]
    assignment: ScoringPlan


def score_run(
    predictions: Path,
    *,
    data: Path | None = None,
    split: str | None = None,
    data_set: str | None = None,
    task: str | None = None,
    rules: ScoringOptions | None = None,
    threshold: int | None = None,
    samples: Collection[str] | None = None,
    slices: Sequence[Slice] = (),
    out: Path | None = None,
    workers: int | None = 1,
    progress: Progress | None = None,
) -> ScoringResult:
    """Score predictions and write ``scores.jsonl`` and ``results.json``.

    Args:
        predictions: A run folder, an official PNG tree, tracks as text, a zip of one of these, or a JSON file.
        data: A MeViS folder or a split itself; ``None``: what the run was made on, else the embedded split.
        split: Name of the split in ``data``; ``None``: what the run was made on, else ``valid_u``.
        data_set: Name of the data set; ``None``: that of the run, else recognized by its files.
        task: ``rvos``, ``avos``, ``rmot`` or ``rmeg``; ``None``: what the run says, else ``rvos``.
        rules: Every open point of scoring; ``None``: the defaults.
        threshold: PNG values from this one on are foreground; ``None``: all but 0.
        samples: Score only these of the split; ``None``: those the run planned, else all.
        slices: Slices beside the built-in ones.
        out: Folder of the two files; ``None``: beside the predictions (in them, where they are a folder).
        workers: Processes; ``None``: one a core where there is enough to do. The scores do not depend on it.
        progress: Called with (samples done, samples in all).

    Raises:
        UsageError: There are no such predictions, split or task, or the split has no truth.
        DataError: A prediction is missing or broken and the rules don't allow it, or is of no sample of the split.
        NothingMeasuredError: The split has no sample of this task.
    """
    assignment = plan_scoring(
        predictions,
        data=data,
        split=split,
        data_set=data_set,
        task=task,
        rules=rules or ScoringOptions(),
        threshold=threshold,
        samples=samples,
    )
    measured: list[Measured] = []
    corpus = assignment.task.corpus()
    try:
        processes = worker_count(workers, assignment.frames, assignment.rules.device)
        for done in map_in_order(measure_video, assignment.jobs(), processes):
            measured.extend(done)
            if progress:
                progress(len(measured), assignment.samples)
        corpus.take(measured)
        scores, results = _conclude(corpus, measured, assignment, (*BUILT_IN, *slices))
    finally:
        corpus.close()
    _write(out or (predictions if predictions.is_dir() else predictions.parent), scores, results)
    faults = {sample.sample: sample.fault for sample in measured if sample.fault is not None}
    return ScoringResult(results, sorted(scores, key=lambda score: score.sample), faults, corpus.notes, assignment)


def _write(folder: Path, scores: Sequence[SampleScore], results: Results) -> None:
    try:
        write_scores(folder, scores, results)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise
        raise UsageError(
            f"scores can't be written here: {error.strerror}", location=str(folder), hint="Say where with --out DIR."
        ) from error


def _conclude(
    corpus: Corpus, measured: Sequence[Measured], assignment: ScoringPlan, slices: Sequence[Slice]
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
        task=assignment.task.name,
        protocol=assignment.rules.protocol,
        metrics=corpus.metrics(range(len(measured))),
        counts={"expected": len(measured), "scored": len(measured) - missing, "missing": missing},
        split=assignment.split.split,
        fingerprint=assignment.split.fingerprint,
        dataset={"name": assignment.split.info.name, "version": assignment.split.info.version},
        slices={name: {"count": len(chosen), **corpus.metrics(chosen)} for name, chosen in members.items()},
        method=assignment.method,
        choices=assignment.choices,
    )
    return scores, results
