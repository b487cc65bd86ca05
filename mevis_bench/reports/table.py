"""Results of several runs as one table, with the best value of each column.

Only rows with the same split, annotation files, protocol and scoring options are compared; rows are grouped by
provenance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mevis_bench.store.score_files import Results

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "rvos": ("J&F", "J", "F", "J&F_s", "J&F_m", "N-acc", "T-acc", "final"),
    "avos": ("J&F", "J", "F", "J&F_s", "J&F_m", "N-acc", "T-acc", "final"),
    "rmot": (
        "HOTA",
        "DetA",
        "AssA",
        "LocA",
        "HOTA*_macro",
        "DetA*_macro",
        "AssA*_macro",
        "HOTA*_pooled",
        "DetA*_pooled",
        "AssA*_pooled",
        "N-acc",
        "T-acc",
    ),
    "rmeg": ("METEOR", "CIDEr"),
}
"""Metrics in the column order of the paper's tables (7, 11, 10, 12); metrics beyond these follow by name."""

HEADLINES = (("rvos", "J&F"), ("avos", "J&F"), ("rmot", "HOTA"), ("rmeg", "METEOR"), ("rmeg", "CIDEr"))
"""The metrics that stand for their tasks where all tasks share one table."""

LOWER_IS_BETTER = frozenset({"repeated"})
"""``repeated``: the share of captions that are also given to another target. Of every other metric more is better."""

PROVENANCES = ("paper", "official", "trained-here", "heuristic", "untrained", "external")
"""Origin of a row's numbers, in the order of the table's blocks."""

_FORMER_PROVENANCES = {"floor": "heuristic"}
"""Names in results that were written before the first release."""


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
        columns: Metric names in order.
        rows: Sorted by provenance, then as given.
        settings: Every distinct setting, printed below the table.
    """

    task: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    settings: tuple[str, ...]

    def best(self, column: str) -> frozenset[int]:
        """Return the indices of the rows with the best value of a column within their setting.

        A row that is alone in its setting is not marked.
        """
        best: set[int] = set()
        for setting in self.settings:
            values = {
                index: value
                for index, row in enumerate(self.rows)
                if row.setting == setting and (value := row.values.get(column)) is not None
            }
            if len(values) > 1:
                pick = min if column in LOWER_IS_BETTER else max
                best |= {index for index, value in values.items() if value == pick(values.values())}
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
    provenance = results.method.get("provenance", "external")
    return _FORMER_PROVENANCES.get(provenance, provenance)


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
    names = {name for row in rows for name in row.values}
    paper_order = [name for name in COLUMNS[task] if name in names]
    return Table(
        task=task,
        columns=(*paper_order, *sorted(names - set(paper_order))),
        rows=tuple(rows),
        settings=tuple(dict.fromkeys(row.setting for row in rows)),
    )


def percent(value: float | None) -> str:
    """Format a fraction as percent with one decimal, as the paper does; ``None`` (undefined) is ``-``."""
    return "-" if value is None else f"{100 * value:.1f}"
