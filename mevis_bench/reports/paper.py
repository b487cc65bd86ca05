"""Comparison of runs with the paper's published numbers, with reasons where the two are not comparable."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mevis_bench.schemas.paper_table import PublishedRow, PublishedTable
from mevis_bench.schemas.scores import Results
from mevis_bench.schemas.yaml_files import read_yaml
from mevis_bench.tasks import find_task

PAPER_SPLIT = "valid"
"""Tables of MeViS report the validation set, whose ground truth is on the evaluation server."""

MEVIS = ("mevis_v1", "mevis_v2", "mini", "mini2")
"""Data sets that are compared with tables of MeViS."""


@dataclass(frozen=True, slots=True)
class PaperRow:
    """One row of one table of the paper.

    Attributes:
        table: Number of the table.
        task: Its task.
        protocol: The scoring protocol of its numbers; ``None``: the task has only one.
        method: Name as printed.
        ours: ``name`` or ``name:variant`` of the method in this benchmark; ``None``: not implemented.
        reference: Where the method was published.
        values: Percent by metric name, as printed; ``None``: not reported; text where the table has text.
        data_set: Data set of its numbers; ``None``: MeViS.
        split: Split of its numbers.
        mini: The mini variant that a leaderboard shows beside it, where ``ours`` names another variant.
        backbone: Backbone as printed, where the table has several; ``None``: it has no such column.
    """

    table: int
    task: str
    protocol: str | None
    method: str
    ours: str | None
    reference: str
    values: Mapping[str, float | str | None]
    data_set: str | None = None
    split: str = PAPER_SPLIT
    mini: str | None = None
    backbone: str | None = None

    @property
    def title(self) -> str:
        """Method and, where the table has them, backbone."""
        return self.method if self.backbone is None else f"{self.method}, {self.backbone}"


@dataclass(frozen=True, slots=True)
class PaperComparison:
    """One run compared with one row of the paper.

    Attributes:
        row: The row of the paper.
        ours: Percent by metric, for the metrics that both have.
        difference: Run minus paper, percentage points.
        not_comparable: Reasons why the two are not comparable; empty: they are.
    """

    row: PaperRow
    ours: Mapping[str, float]
    difference: Mapping[str, float]
    not_comparable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A table of the paper, and a run of a method that it does not have.

    Attributes:
        number: Number of the table.
        columns: Its metrics, by the paper's names.
        rows: Its rows.
        ours: Percent by metric, for the metrics that the run has.
        not_comparable: Reasons why the run is not comparable with the rows; empty: it is.
    """

    number: int
    columns: tuple[str, ...]
    rows: tuple[PaperRow, ...]
    ours: Mapping[str, float]
    not_comparable: tuple[str, ...]


def read_paper_rows(folder: Path) -> tuple[PaperRow, ...]:
    """Read every ``table_NN.yaml`` of a folder, in table order; a row about several data sets becomes one for each.

    Raises:
        DataError: A file is invalid; names file, line and key.
    """
    tables = [read_yaml(path, PublishedTable) for path in sorted(folder.glob("table_*.yaml"))]
    return tuple(paper_row for table in tables for row in table.rows for paper_row in _rows(table, row))


def _rows(table: PublishedTable, row: PublishedRow) -> Iterator[PaperRow]:
    common = (row.method, row.ours, row.reference)
    if not table.data_sets:
        yield PaperRow(table.table, table.task, table.protocol, *common, row.values, mini=row.mini)
    for name, published in table.data_sets.items():
        suffix = f" ({name})"
        values = {key.removesuffix(suffix): value for key, value in row.values.items() if key.endswith(suffix)}
        data = (published.data_set, published.split)
        yield PaperRow(table.table, table.task, published.protocol, *common, values, *data, backbone=row.backbone)


def compare_with_paper(results: Results, rows: Sequence[PaperRow]) -> tuple[PaperComparison, ...]:
    """Compare a run with every row of the paper for the same method and task; empty if the paper has none."""
    if not results.method:
        return ()
    names = {results.method["name"], f"{results.method['name']}:{results.method['variant']}"}
    comparisons = []
    for row in rows:
        if row.task != results.task or row.ours not in names or not _same_data(row, results):
            continue
        published = {name: value for name, value in row.values.items() if isinstance(value, int | float)}
        ours = _values(results, published)
        if ours:
            difference = {name: ours[name] - published[name] for name in ours}
            comparisons.append(PaperComparison(row, ours, difference, _not_comparable(row, results)))
    return tuple(comparisons)


def paper_tables(results: Results, rows: Sequence[PaperRow]) -> tuple[PaperTable, ...]:
    """Return every table of the paper about a run's task and data, with the run's values; empty if it has none."""
    tables: dict[int, list[PaperRow]] = {}
    for row in rows:
        if row.task == results.task and _same_data(row, results):
            tables.setdefault(row.table, []).append(row)
    return tuple(
        PaperTable(number, columns, tuple(own), _values(results, columns), _not_comparable(own[0], results))
        for number, own in tables.items()
        for columns in [tuple(dict.fromkeys(name for row in own for name in row.values))]
    )


def _values(results: Results, columns: Iterable[str]) -> dict[str, float]:
    """Return a run's values in percent by the paper's names of metrics, without those that it does not have."""
    names = find_task(results.task).paper_columns
    found = {name: results.metrics.get(names[name]) for name in columns if name in names}
    return {name: 100 * value for name, value in found.items() if value is not None}


def rows_of_run(results: Results, rows: Sequence[PaperRow]) -> tuple[PaperRow, ...]:
    """Return the rows of the paper that a run stands for: those of its variant, else those of its method."""
    if not results.method:
        return ()
    name, full = results.method["name"], f"{results.method['name']}:{results.method['variant']}"
    same = [row for row in rows if row.task == results.task and _same_data(row, results)]
    own = [row for row in same if full in (row.ours, row.mini)]
    return tuple(own or [row for row in same if row.ours == name])


def _same_data(row: PaperRow, results: Results) -> bool:
    name = results.dataset.get("name", MEVIS[0])
    return name == row.data_set if row.data_set is not None else name in MEVIS


def _not_comparable(row: PaperRow, results: Results) -> tuple[str, ...]:
    reasons = []
    if results.split != row.split:
        reasons.append(f"other split ({results.split}; the paper reports {row.split})")
    if row.protocol not in (None, results.protocol):
        reasons.append(f"other protocol ({results.protocol}; the paper's is {row.protocol})")
    if results.method.get("provenance") == "untrained":
        reasons.append("untrained weights")
    if "oracle" in results.label and "oracle" not in (row.ours or ""):
        reasons.append("oracle text")
    if results.perturbation:
        reasons.append(results.perturbation)
    if results.counts["missing"]:
        reasons.append(f"{results.counts['missing']} samples missing")
    return tuple(reasons)
