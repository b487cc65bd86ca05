"""Scoring: predictions of any format against a split's ground truth, into ``scores.jsonl`` and ``results.json``."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mevis_bench.files.atomic import check_folder
from mevis_bench.metrics.aggregation import Aggregator, ScoredSample
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.slices import BUILT_IN, Slice
from mevis_bench.metrics.targets import TARGET_COLUMNS
from mevis_bench.records import UsageError
from mevis_bench.records.dataset import Dataset
from mevis_bench.runs.hints import find_hints
from mevis_bench.runs.scoring_plan import ScoringPlan, plan_scoring, score_video
from mevis_bench.runs.scoring_pool import map_in_order, process_count
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.store.score_files import write_scores

MAX_NAME = 80
"""Characters of a name in tables."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ScoringResult:
    """Output of scoring.

    Attributes:
        results: The aggregate.
        scores: Every sample's scores, sorted by sample.
        errors: Why samples count as zero, by sample; empty unless ``options.missing`` is ``zero``.
        notes: Remarks for the reader, for instance why a metric is undefined.
        plan: Plan of the scoring.
    """

    results: Results
    scores: Sequence[SampleScore]
    errors: Mapping[str, str]
    notes: Sequence[str]
    plan: ScoringPlan


def score_run(
    predictions: Path,
    *,
    data: Path | None = None,
    split: str | None = None,
    data_set: str | None = None,
    dataset: Dataset | None = None,
    task: str | None = None,
    options: ScoringOptions | None = None,
    threshold: int | None = None,
    samples: Collection[str] | None = None,
    slices: Sequence[Slice] = (),
    out: Path | None = None,
    workers: int | None = 1,
    progress: Progress | None = None,
    allow_other_split: bool = False,
    name: str | None = None,
    write: bool = True,
) -> ScoringResult:
    """Score predictions and write ``scores.jsonl`` and ``results.json``.

    Args:
        predictions: A run folder, an official PNG tree, tracks as text, a zip of one of these, or a JSON file.
        data: A MeViS folder or a split itself; ``None``: that of the run, else the bundled split.
        split: Name of the split in ``data``; ``None``: that of the run, else the data set's usual one.
        data_set: Name of the data set; ``None``: that of the run, else recognized by its files.
        dataset: The split, where it is open already, in place of ``data``, ``split`` and ``data_set``; of a run it
            has to be the run's own.
        task: Name of the task; ``None``: that of the run, else the data set's first (``rvos`` of MeViS).
        options: Options of scoring; ``None``: the defaults.
        threshold: PNG values from this one on are foreground; ``None``: all but 0.
        samples: Score only these of the split; ``None``: those the run planned, else all.
        slices: Slices in addition to the built-in ones.
        out: Folder of the two files; ``None``: that of the predictions.
        workers: Number of processes; ``None``: one per core for many frames. Scores do not depend on it.
        progress: Called with (samples done, samples in total).
        allow_other_split: Whether a run may be scored on another split than the one it was predicted on; then
            ``out`` has to be another folder, and the results record it.
        name: Name of external predictions in tables; ``None``: "external predictions".
        write: Whether to write the two files.

    Raises:
        IncomparableError: The run was predicted on another split, or the annotation files changed since.
        UsageError: There are no such predictions, split or task, or the split has no ground truth.
        DataError: A prediction is missing or invalid and ``options.missing`` is ``error``, or it is of a sample that
            the split does not have.
        NothingMeasuredError: The split has no sample of this task.
        JavaMissingError: METEOR and CIDEr cannot be computed here.
        JavaError: Java failed; the files have the metrics that do not need it.
    """
    plan = plan_scoring(
        predictions,
        data=data,
        split=split,
        data_set=data_set,
        dataset=dataset,
        task=task,
        options=options or ScoringOptions(),
        threshold=threshold,
        samples=samples,
        allow_other_split=allow_other_split,
    )
    for slice_ in slices:
        slice_.check((*TARGET_COLUMNS, *plan.task.sample_columns))
    if name is not None:
        _check_name(name, plan)
    folder = out or (predictions if predictions.is_dir() else predictions.parent)
    if write:
        _check_target(folder, plan.split.fingerprint)
    samples_done: list[ScoredSample] = []
    aggregator = plan.task.aggregator(plan.options)
    try:
        processes = process_count(workers, plan.num_frames, plan.options.device)
        for video_samples in map_in_order(score_video, plan.jobs(), processes):
            samples_done += video_samples
            aggregator.update(video_samples)
            if progress:
                progress(len(samples_done), plan.num_samples)
        scores, results = _aggregate(aggregator, samples_done, plan, (*BUILT_IN, *slices))
        results = replace(results, name=name)
    finally:
        aggregator.close()
    if write:
        write_scores(folder, scores, results)
    if aggregator.failure is not None:
        raise aggregator.failure
    errors = {sample.sample: sample.error for sample in samples_done if sample.error is not None}
    notes = [*aggregator.notes, *find_hints(plan, errors.keys())]
    if plan.ignored:
        notes.append(f"{plan.ignored} predictions of expressions that split {plan.split_name!r} leaves out are ignored")
    return ScoringResult(results, sorted(scores, key=lambda score: score.sample), errors, notes, plan)


def _check_name(name: str, plan: ScoringPlan) -> None:
    if plan.method:
        label = f"{plan.method['name']}:{plan.method['variant']}"
        raise UsageError(
            f"the run has the name {label}", location="--name", hint="Only predictions of other code get one."
        )
    if not 0 < len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
        message = f"expected 1 to {MAX_NAME} printable characters without blanks around them, got {name[:100]!r}"
        raise UsageError(message, location="--name")


def _check_target(folder: Path, fingerprint: str) -> None:
    """Refuse a folder that cannot be written, and to replace the scores of a run by those of another split."""
    check_folder(folder)
    run = RunFolder(folder)
    if run.manifest_path.is_file() and run.read_manifest().identity.fingerprint != fingerprint:
        raise UsageError(
            "the folder holds a run of another split, whose scores would be replaced",
            location=str(folder),
            hint="Give another folder with --out DIR.",
        )


def _aggregate(
    aggregator: Aggregator, samples: Sequence[ScoredSample], plan: ScoringPlan, slices: Sequence[Slice]
) -> tuple[list[SampleScore], Results]:
    rows = aggregator.sample_values()
    members = {slice_.name: [k for k, row in enumerate(rows) if slice_.matches(row)] for slice_ in slices}
    for kind in sorted({sample.kind for sample in samples if sample.kind is not None}):
        members[kind] = [k for k, sample in enumerate(samples) if sample.kind == kind]
    slices_of_sample: list[list[str]] = [[] for _ in samples]
    for name, indices in members.items():
        for k in indices:
            slices_of_sample[k].append(name)
    scores = [
        SampleScore(sample.sample, row, tuple(sorted(names)))
        for sample, row, names in zip(samples, rows, slices_of_sample, strict=True)
    ]
    missing = sum(sample.error is not None for sample in samples)
    results = Results(
        task=plan.task.name,
        protocol=plan.options.rules.name,
        metrics=aggregator.compute(),
        counts={"expected": len(samples), "scored": len(samples) - missing, "missing": missing},
        split=plan.split_name,
        fingerprint=plan.split.fingerprint,
        dataset={"name": plan.split.info.name, "version": plan.split.info.version},
        slices={name: {"count": len(indices), **aggregator.compute(indices)} for name, indices in members.items()},
        method=plan.method,
        choices=plan.choices,
        margins=plan.task.pooled_margins(samples),
    )
    return scores, results
