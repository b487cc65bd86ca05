"""Results of several runs as one table, with the best value of each column.

Only rows with the same split, annotation files, protocol and scoring options are compared; rows are grouped by
provenance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mevis_bench.metrics.metric import Metric
from mevis_bench.schemas.scores import Results
from mevis_bench.tasks import find_task

PROVENANCES = ("paper", "official", "trained-here", "heuristic", "untrained", "external")
"""Origin of a row's numbers, in the order of the table's blocks."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run in a table.

    Attributes:
        label: Method and variant.
        provenance: One of ``PROVENANCES``.
        setting: Everything that must agree for values to be comparable (split, fingerprint, protocol, options, counts).
        values: Fractions by metric; ``None``: undefined.
    """

    label: str
    provenance: str
    setting: str
    values: Mapping[str, float | None]


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


def build_table(task: str, runs: Sequence[Results]) -> Table:
    """Return the table of one task's runs, without rows if there are none."""
    rows = [
        Row(
            label=results.label,
            provenance=provenance_of(results),
            setting=describe_setting(results),
            values=results.metrics,
        )
        for results in runs
        if results.task == task
    ]
    rows.sort(key=lambda row: PROVENANCES.index(row.provenance))
    record = find_task(task)
    names = {name for row in rows for name in row.values}
    known = [metric.name for metric in (*record.metrics, *record.protocol_metrics) if metric.name in names]
    return Table(
        task=task,
        columns=tuple(record.metric(name) for name in (*known, *sorted(names - set(known)))),
        rows=tuple(rows),
        settings=tuple(dict.fromkeys(row.setting for row in rows)),
    )
