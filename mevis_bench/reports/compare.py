"""Paired comparison of two scored runs over the same samples, with significance tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mevis_bench.metrics.metric import Metric
from mevis_bench.metrics.statistics import PairedDifference, holm, paired_difference
from mevis_bench.records import IncomparableError, NothingMeasuredError, UsageError
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.store.score_files import read_results, read_scores
from mevis_bench.tasks import find_task

SMALL_SLICE = 30
"""Slices with fewer samples are shown dimmed."""


@dataclass(frozen=True, slots=True)
class SliceDifference:
    """The difference in one metric over one slice.

    Attributes:
        metric: Name of the per-sample value.
        slice: Name of the slice; ``all`` is every sample.
        difference: Effect, interval, p-value, minimum detectable effect.
        adjusted_p: ``difference.p`` after Holm's correction over the slices of this metric (``all`` is not one);
            ``None``: it has too few videos.
        scale: Factor from ``difference`` to printed values.
    """

    metric: str
    slice: str
    difference: PairedDifference
    adjusted_p: float | None
    scale: int

    @property
    def small(self) -> bool:
        """Whether the slice has fewer than ``SMALL_SLICE`` samples."""
        return self.difference.samples < SMALL_SLICE


@dataclass(frozen=True, slots=True)
class SampleChange:
    """One sample's change in the compared metric, second run minus first."""

    sample: str
    before: float
    after: float

    @property
    def change(self) -> float:
        """Change of the metric on this sample, second run minus first."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Comparison:
    """Result of ``mevis-bench compare``.

    Nothing can be claimed from differences without an interval, see :data:`mevis_bench.metrics.statistics.MIN_VIDEOS`.

    Attributes:
        metric: The metric that ranks the samples.
        higher_is_better: Its direction.
        scale: Factor from its values to printed ones.
        differences: For every metric first all samples, then its slices by name.
        changes: Samples whose value changed, the one that became worst first.
        unpaired: Number of samples in one of the runs only; they are left out.
    """

    metric: str
    higher_is_better: bool
    scale: int
    differences: tuple[SliceDifference, ...]
    changes: tuple[SampleChange, ...]
    unpaired: int


def compare_runs(first: Path, second: Path, *, metric: str | None = None, seed: int = 0) -> Comparison:
    """Compare two scored folders, paired by sample and clustered by video.

    Args:
        first: Folder with ``results.json`` and ``scores.jsonl``.
        second: The same of the run to compare with it.
        metric: The per-sample metric that ranks the samples; ``None``: the task's headline metric where both runs have
            it per sample, else the first one in the order of the task's table that both have.
        seed: Seed of the resampling.

    Raises:
        IncomparableError: The runs differ in task, annotation files, protocol or choices.
        NothingMeasuredError: They share no sample.
        UsageError: ``metric`` is not in both runs.
    """
    results = read_results(first)
    _require_comparable(results, read_results(second), first, second)
    task = find_task(results.task)
    before = {score.sample: score for score in read_scores(first)}
    after = {score.sample: score for score in read_scores(second)}
    shared = sorted(before.keys() & after.keys())
    metrics = _shared_metrics(
        task.sample_columns, [before[sample] for sample in shared], [after[sample] for sample in shared]
    )
    if not metrics:
        raise NothingMeasuredError("the two runs have no scored sample in common", location=f"{first} and {second}")
    if metric is not None and metric not in metrics:
        raise UsageError(f"metric {metric!r} is not in both runs", hint=f"Metrics of both: {', '.join(metrics)}.")
    differences = [entry for name in metrics for entry in _differences(task.metric(name), shared, before, after, seed)]
    ranking = metric or next((name for name in task.headlines if name in metrics), metrics[0])
    changes = [
        SampleChange(sample, old, new)
        for sample in shared
        if (old := before[sample].values.get(ranking)) is not None
        and (new := after[sample].values.get(ranking)) is not None
        and old != new
    ]
    record = task.metric(ranking)
    changes.sort(key=lambda change: (record.improvement(change.before, change.after), change.sample))
    unpaired = len(before) + len(after) - 2 * len(shared)
    return Comparison(ranking, record.higher_is_better, record.scale, tuple(differences), tuple(changes), unpaired)


def _require_comparable(first: Results, second: Results, location: Path, other: Path) -> None:
    for name, first_value, second_value in (
        ("task", first.task, second.task),
        ("annotation files", first.fingerprint, second.fingerprint),
        ("protocol", first.protocol, second.protocol),
        ("choices", dict(first.choices), dict(second.choices)),
    ):
        if first_value != second_value:
            raise IncomparableError(
                f"the runs differ in {name}: {first_value} and {second_value}",
                location=f"{location} and {other}",
                hint="Score both on the same split with the same protocol.",
            )


def _shared_metrics(metrics: Sequence[str], before: Sequence[SampleScore], after: Sequence[SampleScore]) -> list[str]:
    """Return the metrics that at least one sample has in both runs, in table order; other columns are counts."""
    pairs = list(zip(before, after, strict=True))
    return [
        name
        for name in metrics
        if any(old.values.get(name) is not None and new.values.get(name) is not None for old, new in pairs)
    ]


def _differences(
    metric: Metric,
    samples: Sequence[str],
    before: Mapping[str, SampleScore],
    after: Mapping[str, SampleScore],
    seed: int,
) -> list[SliceDifference]:
    slices: dict[str, list[SampleChange]] = {"all": []}
    for sample in samples:
        old, new = before[sample].values.get(metric.name), after[sample].values.get(metric.name)
        if old is None or new is None:
            continue
        for name in ("all", *before[sample].groups):
            slices.setdefault(name, []).append(SampleChange(sample, old, new))
    names = ["all", *sorted(slices.keys() - {"all"})]
    results = [
        paired_difference(
            [change.change for change in slices[name]],
            [change.sample.rsplit("/", 1)[0] for change in slices[name]],
            seed=seed,
        )
        for name in names
    ]
    corrected = iter(holm([result.p for result in results[1:] if result.p is not None]))
    adjusted = [results[0].p, *(None if result.p is None else next(corrected) for result in results[1:])]
    return [
        SliceDifference(metric.name, name, result, p, metric.scale)
        for name, result, p in zip(names, results, adjusted, strict=True)
    ]
