"""The leaderboard: runs of one task on one split with intervals, tiers, and the order of the paper's table.

All uncertainty is that of the videos: one bootstrap draws videos, the same ones for all rows, so that differences of
rows are paired. Differences between trainings of one method are not part of it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mevis_bench.metrics.metric import Metric
from mevis_bench.metrics.slices import BUILT_IN
from mevis_bench.metrics.statistics import CONFIDENCE, bootstrap_means
from mevis_bench.records import DataError, IncomparableError, NothingMeasuredError, TargetMasks, UsageError
from mevis_bench.records.task_names import TASK_NAMES
from mevis_bench.reports.consistency import results_error
from mevis_bench.reports.paper import PaperRow, rows_of_run
from mevis_bench.reports.rank_correlation import exact_p, kendall_tau_b
from mevis_bench.reports.table import describe_setting, provenance_of
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.store.score_files import read_results, read_scores
from mevis_bench.tasks import Task, find_task

YARDSTICK = "every_object"
"""Method that answers every prompt with all objects."""

MARGIN = 0.04
"""A row that reads the words is at least this far above ``YARDSTICK``, a fraction."""

DROP = 0.05
"""A row that reads the words loses at least this with those of other expressions (``--perturb words``), a fraction."""

TAU_DRAWS = 2_000
"""Bootstrap draws for the interval of tau."""

_TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)

USES_GROUND_TRUTH = "uses the ground truth"
"""Provenance of a reference row."""


@dataclass(frozen=True, slots=True)
class LeaderboardRow:
    """One run, or one reference.

    Attributes:
        label: Method and variant; of a reference and of external predictions their name, or else that of the folder.
        provenance: One of ``table.PROVENANCES``, or ``USES_GROUND_TRUTH``.
        value: Mean of the ranking metric over the samples, a fraction; ``None``: undefined for a sample.
        half_width: Half of the 95 % interval of ``value``; ``None``: undefined, or there are too few videos.
        tier: 1 is the best, see :func:`tiers`; ``None``: a reference, or there is no interval.
        others: Headline metrics of the task beside the ranking one, fractions.
        other_words: The ranking metric with the words of other expressions; ``None``: not measured.
        reads: ``yes``, ``no``, ``not measured``; ``-``: the prompts have no words, or it is a reference.
        parameters: Of the method; ``None``: unknown.
        fps: Frames per second inside the method; ``None``: unknown.
        paper: The paper's value of the ranking metric, in percent as printed; ``None``: it has none.
        kinds: The ranking metric by kind of expression, fractions.
    """

    label: str
    provenance: str
    value: float | None
    half_width: float | None = None
    tier: int | None = None
    others: Mapping[str, float | None] = field(default_factory=dict)
    other_words: float | None = None
    reads: str = "-"
    parameters: int | None = None
    fps: float | None = None
    paper: float | None = None
    kinds: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of the order of the rows with that of a table of the paper.

    Attributes:
        table: Number of the table.
        methods: Number of its rows that were run; each counts once, with the best of its runs.
        tau: Kendall's tau-b; ``None``: undefined.
        low: Lower end of its 95 % interval (bootstrap over videos); ``None``: there are too few videos.
        high: Upper end, likewise.
        p: Exact one-sided p-value; ``None``: undefined.
        smallest_p: The p-value of full agreement.
    """

    table: int
    methods: int
    tau: float | None
    low: float | None
    high: float | None
    p: float | None
    smallest_p: float | None


@dataclass(frozen=True, slots=True)
class Resolution:
    """Resolution of a split: differences of rows that are not chance.

    Attributes:
        videos: Number of videos.
        difference: Median over all pairs of rows of half the 95 % interval of their difference, a fraction.
        apart: Number of pairs whose interval excludes 0.
        pairs: Number of pairs.
    """

    videos: int
    difference: float
    apart: int
    pairs: int


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Runs of one task in one setting.

    Attributes:
        task: The task.
        setting: Split, annotation files, protocol, options and counts, which all rows share.
        metric: The metric that ranks the rows.
        others: Headline metrics beside it.
        rows: The best one first; rows without a value are last.
        kinds: Number of samples by kind of expression.
        resolution: ``None``: there are too few rows or videos.
        agreement: ``None``: no table of the paper has two of the rows.
    """

    task: str
    setting: str
    metric: Metric
    others: tuple[Metric, ...]
    rows: tuple[LeaderboardRow, ...]
    kinds: Mapping[str, int]
    resolution: Resolution | None
    agreement: Agreement | None


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """A scored folder: values of the ranking metric by sample, ``(n,)``, NaN where undefined, and their mean."""

    path: Path
    results: Results
    scores: tuple[SampleScore, ...]
    costs: Mapping[str, object]
    is_reference: bool
    values: NDArray[np.float64]

    @property
    def mean(self) -> float | None:
        return None if np.isnan(self.values).any() else float(self.values.mean())

    @property
    def label(self) -> str:
        if self.results.method and not self.is_reference:
            return self.results.label
        return self.results.name or self.path.name

    @property
    def method(self) -> tuple[str | None, ...]:
        """Identity of the method, whatever the perturbation."""
        return tuple(self.results.method.get(key) for key in ("name", "variant", "bridge", "provenance"))


def build_leaderboards(
    runs: Sequence[Path], references: Sequence[Path], paper: Sequence[PaperRow], *, seed: int = 0
) -> tuple[Leaderboard, ...]:
    """Return one leaderboard per task and setting, in the order of the tasks.

    Args:
        runs: Scored folders. Those with ``--perturb words`` have no row: they say whether the same method without it
            reads the words.
        references: Scored folders of predictions that used the ground truth; their rows have no tier.
        paper: Rows of the paper's tables.
        seed: Seed of the bootstrap.

    Raises:
        DataError: A folder's files cannot be read or contradict themselves.
        IncomparableError: Folders of one setting are of different samples.
        NothingMeasuredError: No folder has a row.
        UsageError: A run is perturbed otherwise, or its samples do not have the ranking metric.
    """
    folders = [*((path, False) for path in runs), *((path, True) for path in references)]
    groups: dict[tuple[int, str], list[_Scored]] = {}
    for path, is_reference in folders:
        scored = _read(path, is_reference)
        key = TASK_NAMES.index(scored.results.task), describe_setting(scored.results)
        groups.setdefault(key, []).append(scored)
    boards = [_board(groups[key], paper, seed) for key in sorted(groups, key=lambda key: key[0])]
    if not any(board.rows for board in boards):
        raise NothingMeasuredError("all runs are with --perturb words", hint="Give the unperturbed runs, too.")
    return tuple(board for board in boards if board.rows)


def rule_of_tiers(ranking: str) -> str:
    """Return what a tier is, for readers; ``ranking``: name of the metric that ranks."""
    rule = "rows that are not separated from its best one, by the interval of their paired difference."
    return f"Tier, by {ranking}: {rule}"


def tiers(means: NDArray[np.float64]) -> list[int]:
    """Return the tier of every row, 1 first.

    The best row that has no tier yet begins one. A row below it is in the same tier if the two are not separated: the
    95 % interval of their difference includes 0.

    Args:
        means: Bootstrap means, ``(draws, rows)``, the best row first.
    """
    numbers: list[int] = []
    first = 0
    for row in range(means.shape[1]):
        if not numbers:
            numbers.append(1)
        elif _apart(means[:, first] - means[:, row]):
            first = row
            numbers.append(numbers[-1] + 1)
        else:
            numbers.append(numbers[-1])
    return numbers


def _read(path: Path, is_reference: bool) -> _Scored:
    results, run = read_results(path), RunFolder(path)
    scores = tuple(sorted(read_scores(path), key=lambda score: score.sample))
    manifest = run.read_manifest() if run.manifest_path.is_file() else None
    error = results_error(results, scores, None if manifest is None else manifest.identity.samples)
    if error is not None:
        raise DataError(error, location=str(path), hint="Score the predictions again with `mevis-bench score`.")
    if results.method.get("perturb", "words") != "words":
        hint = "Give runs without --perturb, or with --perturb words."
        raise UsageError(f"a leaderboard has no row for {results.perturbation}", location=str(path), hint=hint)
    ranking = find_task(results.task).ranking
    values = [score.values.get(ranking) for score in scores]
    if not scores or not any(ranking in score.values for score in scores):
        raise UsageError(f"no sample has {ranking}, which ranks {results.task}", location=str(path))
    array = np.array([np.nan if value is None else value for value in values])
    return _Scored(path, results, scores, {} if manifest is None else manifest.costs, is_reference, array)


def _board(group: Sequence[_Scored], paper: Sequence[PaperRow], seed: int) -> Leaderboard:
    task, samples = find_task(group[0].results.task), group[0].scores
    for one in group:
        if [score.sample for score in one.scores] != [score.sample for score in samples]:
            places = f"{group[0].path} and {one.path}"
            raise IncomparableError("the folders are of different samples", location=places)
    words = {one.method: one.mean for one in group if "perturb" in one.results.method}
    shown = [one for one in group if "perturb" not in one.results.method]
    defined = sorted((one for one in shown if one.mean is not None), key=lambda one: one.mean or 0, reverse=True)
    shown = [*defined, *(one for one in shown if one.mean is None)]
    ranked = [one for one in defined if not one.is_reference]

    videos = [score.video for score in samples]
    intervals = _half_widths(defined, videos, seed)
    means = bootstrap_means([one.values for one in ranked], videos, seed=seed)
    numbers = dict(zip(map(id, ranked), () if means is None else tiers(means), strict=False))
    table, published = _published(ranked, task, paper)
    kinds = _kinds(samples)
    others = tuple(task.metric(name) for name in task.headlines if name != task.ranking)
    yardstick = max((one.mean or 0 for one in ranked if one.results.method.get("name") == YARDSTICK), default=None)
    rows = tuple(
        LeaderboardRow(
            label=one.label,
            provenance=USES_GROUND_TRUTH if one.is_reference else provenance_of(one.results),
            value=one.mean,
            half_width=intervals.get(id(one)),
            tier=numbers.get(id(one)),
            others={metric.name: one.results.metrics.get(metric.name) for metric in others},
            other_words=None if one.is_reference else words.get(one.method),
            reads=_reads(one, yardstick, words.get(one.method), task),
            parameters=parameters if isinstance(parameters := one.costs.get("parameters"), int) else None,
            fps=fps if isinstance(fps := one.costs.get("fps_model"), int | float) else None,
            paper=_printed(published.get(id(one)), task),
            kinds=_by_kind(one, kinds),
        )
        for one in shown
    )
    return Leaderboard(
        task=task.name,
        setting=describe_setting(group[0].results),
        metric=task.metric(task.ranking),
        others=others,
        rows=rows,
        kinds=kinds,
        resolution=None if means is None else _resolution(means, len(set(videos))),
        agreement=None if table is None else _agreement(table, ranked, published, means, task),
    )


def _half_widths(folders: Sequence[_Scored], videos: Sequence[str], seed: int) -> dict[int, float]:
    means = bootstrap_means([one.values for one in folders], videos, seed=seed)
    if means is None:
        return {}
    low, high = np.quantile(means, _TAILS, axis=0)
    return dict(zip(map(id, folders), ((high - low) / 2).tolist(), strict=True))


def _reads(one: _Scored, yardstick: float | None, other_words: float | None, task: Task) -> str:
    if one.is_reference or task.prompt_type is TargetMasks:
        return "-"
    if one.mean is not None and yardstick is not None and one.mean < yardstick + MARGIN:
        return "no"
    if one.mean is None or other_words is None:
        return "not measured"
    if one.mean < other_words + DROP:
        return "no"
    return "not measured" if yardstick is None else "yes"


def _published(
    ranked: Sequence[_Scored], task: Task, paper: Sequence[PaperRow]
) -> tuple[int | None, dict[int, PaperRow]]:
    """Return the paper's table with most of the rows (of several, the last one) and its rows by folder."""
    tables: dict[int, dict[int, PaperRow]] = {}
    for one in ranked:
        for row in rows_of_run(one.results, paper):
            if row.protocol in (None, one.results.protocol) and _printed(row, task) is not None:
                tables.setdefault(row.table, {}).setdefault(id(one), row)
    table = max(tables, key=lambda number: (len(tables[number]), number), default=None)
    return table, {} if table is None else tables[table]


def _printed(row: PaperRow | None, task: Task) -> float | None:
    value = None if row is None else row.values.get(task.ranking)
    return value if isinstance(value, int | float) else None


def _agreement(
    table: int,
    ranked: Sequence[_Scored],
    published: Mapping[int, PaperRow],
    means: NDArray[np.float64] | None,
    task: Task,
) -> Agreement:
    best: dict[str, int] = {}
    for index, one in enumerate(ranked):
        if id(one) in published:
            best.setdefault(published[id(one)].method, index)
    rows = list(best.values())
    paper = [_printed(published[id(ranked[index])], task) or 0.0 for index in rows]
    ours = [ranked[index].mean or 0.0 for index in rows]
    draws = [] if means is None else [kendall_tau_b(draw, paper) for draw in means[:TAU_DRAWS, rows]]
    taus = [tau for tau in draws if tau is not None]
    low, high = np.quantile(taus, _TAILS).tolist() if taus else (None, None)
    tau, p = kendall_tau_b(ours, paper), exact_p(ours, paper)
    return Agreement(table, len(rows), tau, low, high, p, exact_p(paper, paper))


def _resolution(means: NDArray[np.float64], videos: int) -> Resolution | None:
    first, second = np.triu_indices(means.shape[1], 1)
    if first.size == 0:
        return None
    low, high = np.quantile(means[:, first] - means[:, second], _TAILS, axis=0)
    apart = int(np.count_nonzero((low > 0) | (high < 0)))
    return Resolution(videos, float(np.median((high - low) / 2)), apart, len(first))


def _apart(differences: NDArray[np.float64]) -> bool:
    low, high = np.quantile(differences, _TAILS)
    return bool(low > 0 or high < 0)


def _kinds(scores: Sequence[SampleScore]) -> dict[str, int]:
    """Return the slices of the samples that are not built in, with their sizes, the largest first."""
    known = {slice_.name for slice_ in BUILT_IN}
    counts = Counter(name for score in scores for name in score.groups if name not in known)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _by_kind(one: _Scored, kinds: Mapping[str, int]) -> dict[str, float | None]:
    members = {kind: [kind in score.groups for score in one.scores] for kind in kinds}
    means = {kind: float(one.values[chosen].mean()) if any(chosen) else np.nan for kind, chosen in members.items()}
    return {kind: None if np.isnan(mean) else mean for kind, mean in means.items()}
