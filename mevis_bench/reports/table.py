"""Results of several runs as one table, with the best value of each column.

Only rows with the same split, annotation files, protocol and scoring options are compared; rows are grouped by
provenance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

from mevis_bench.metrics.metric import Metric
from mevis_bench.metrics.statistics import margin_of_means
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.store.score_files import read_scores
from mevis_bench.tasks import find_task

PROVENANCES = ("paper", "official", "trained-here", "api", "heuristic", "untrained", "external")
"""Origin of a row's numbers, in the order of the table's blocks."""

MARGIN_NOTE = "±: half of the 95 % interval, bootstrap over videos"
"""Note below tables with margins."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run in a table.

    Attributes:
        label: Method and variant.
        provenance: One of ``PROVENANCES``.
        setting: Everything that must agree for values to be comparable (split, fingerprint, protocol, options, counts).
        values: Fractions by metric; ``None``: undefined.
        margins: Half of the 95 % interval by metric (bootstrap over videos); without METEOR, and empty for fewer than
            ``MIN_VIDEOS`` videos.
    """

    label: str
    provenance: str
    setting: str
    values: Mapping[str, float | None]
    margins: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """Runs of one task as a table.

    Attributes:
        task: The task of every row.
        columns: Metrics in order.
        rows: Sorted by provenance, then as given.
        settings: Every distinct setting, printed below the table.
    """

    task: str
    columns: tuple[Metric, ...]
    rows: tuple[Row, ...]
    settings: tuple[str, ...]

    def number(self, row: Row) -> str:
        """Return the number of a row's setting, ``[2]``; empty where all rows have the same setting."""
        return f"[{self.settings.index(row.setting) + 1}]" if len(self.settings) > 1 else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """Texts below the table: the settings by number, and what the margins are."""
        numbered = len(self.settings) > 1
        settings = (f"[{index}] {text}" if numbered else text for index, text in enumerate(self.settings, 1))
        return (*settings, *((MARGIN_NOTE,) if any(row.margins for row in self.rows) else ()))

    def best(self, name: str) -> frozenset[int]:
        """Return the indices of the rows with the best value of a column within their setting.

        A row that is alone in its setting is not marked.
        """
        metric = find_task(self.task).metric(name)
        best: set[int] = set()
        for setting in self.settings:
            values = {
                index: value
                for index, row in enumerate(self.rows)
                if row.setting == setting and (value := row.values.get(name)) is not None
            }
            if len(values) > 1:
                best_value = metric.best(values.values())
                best |= {index for index, value in values.items() if value == best_value}
        return frozenset(best)


def describe_setting(results: Results) -> str:
    """Return the setting of a result as text: split, fingerprint, protocol, scoring options and sample counts."""
    counts = results.counts
    choices = ", ".join(f"{name}: {value}" for name, value in sorted(results.choices.items()))
    return (
        f"{results.split} [{results.fingerprint[:8]}], protocol {results.protocol}"
        + (f" ({choices})" if choices else "")
        + f"; {counts['scored']} of {counts['expected']} samples scored, {counts['missing']} missing"
    )


def provenance_of(results: Results) -> str:
    """Return the provenance of a run, one of ``PROVENANCES``; ``external``: it was not predicted by this harness."""
    return results.method.get("provenance", "external")


def read_samples(folder: Path) -> Sequence[SampleScore]:
    """Return the scores of a folder's samples, for margins; empty where only ``results.json`` was kept."""
    return read_scores(folder) if (folder / "scores.jsonl").is_file() else ()


def margins_of(results: Results, scores: Sequence[SampleScore]) -> dict[str, float]:
    """Return half of the 95 % interval of the metrics of a run, by name (see ``Row.margins``).

    Those of means come from the scores of its samples, those of metrics that pool counts from the results.
    """
    margins = dict(results.margins)
    videos = [score.video for score in scores]
    for metric in map(find_task(results.task).metric, results.metrics):
        columns = [
            [score.values.get(mean.column) if mean.group in (None, *score.groups) else None for score in scores]
            for mean in metric.sample_means
        ]
        half = margin_of_means(columns, videos) if columns else None
        if half is not None and results.metrics[metric.name] is not None:
            margins[metric.name] = half
    return margins


def build_table(task: str, runs: Sequence[Results], scores: Sequence[Sequence[SampleScore]] = ()) -> Table:
    """Return the table of one task's runs, without rows if there are none.

    Args:
        task: Name of the task; runs of other tasks are left out.
        runs: Their results.
        scores: The scores of every run's samples, for margins; empty: the table has none.
    """
    rows = [
        Row(
            label=results.label,
            provenance=provenance_of(results),
            setting=describe_setting(results),
            values=results.metrics,
            margins=margins_of(results, samples),
        )
        for results, samples in zip(runs, scores or repeat(()), strict=False)
        if results.task == task
    ]
    rows.sort(key=lambda row: PROVENANCES.index(row.provenance))
    record = find_task(task)
    names = {name for row in rows for name in row.values}
    known = [metric.name for metric in record.all_metrics if metric.name in names]
    return Table(
        task=task,
        columns=tuple(record.metric(name) for name in (*known, *sorted(names - set(known)))),
        rows=tuple(rows),
        settings=tuple(dict.fromkeys(row.setting for row in rows)),
    )
