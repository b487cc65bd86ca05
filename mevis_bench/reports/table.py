"""Results of several runs as one table: which columns in which order, which value is best.

Only rows with the same split, annotation files, protocol and choices compete for "best"; rows of different provenance
stand apart.
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

PROVENANCES = ("paper", "official", "trained-here", "floor", "untrained", "foreign")
"""Where a row's numbers come from, in the order of the table's blocks."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run in a table.

    Attributes:
        label: Method and variant.
        provenance: One of ``PROVENANCES``.
        setting: What must agree for numbers to compare: split, fingerprint, protocol, choices, counts in words.
        values: Fractions by metric; ``None``: undefined.
    """

    label: str
    provenance: str
    setting: str
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of runs of one task, ready to be drawn.

    Attributes:
        task: The task of every row.
        columns: Metric names in order.
        rows: Sorted by provenance, then as given.
        settings: Every distinct setting, so that a table always names its split, protocol and choices.
    """

    task: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    settings: tuple[str, ...]

    def best(self, column: str) -> frozenset[int]:
        """Return the indices of the rows that hold the best value of a column within their setting.

        A row alone in its setting has nothing to beat and is not marked.
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
    """Say in words what a result's numbers depend on besides the predictions."""
    counts = results.counts
    choices = ", ".join(f"{name}: {value}" for name, value in sorted(results.choices.items()))
    return (
        f"{results.split} [{results.fingerprint[:8]}], protocol {results.protocol}"
        + (f" ({choices})" if choices else "")
        + f"; {counts['scored']} of {counts['expected']} samples scored, {counts['missing']} missing"
    )


def build_table(task: str, runs: Sequence[Results]) -> Table:
    """Arrange the runs of one task. No runs give a table without rows."""
    rows = [
        Row(
            label=results.label,
            provenance=results.method["provenance"] if results.method else "foreign",
            setting=describe_setting(results),
            values=results.metrics,
        )
        for results in runs
        if results.task == task
    ]
    rows.sort(key=lambda row: PROVENANCES.index(row.provenance))
    measured = {name for row in rows for name in row.values}
    paper_order = [name for name in COLUMNS[task] if name in measured]
    return Table(
        task=task,
        columns=(*paper_order, *sorted(measured - set(paper_order))),
        rows=tuple(rows),
        settings=tuple(dict.fromkeys(row.setting for row in rows)),
    )


def percent(value: float | None) -> str:
    """Print a fraction as percent with one decimal, as the paper does; undefined is ``-``."""
    return "-" if value is None else f"{100 * value:.1f}"
