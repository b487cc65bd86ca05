"""Terminal tables of published numbers: the paper's and those of others."""

from collections.abc import Sequence

from rich.console import Group
from rich.text import Text

from mevis_bench.reports.paper import PaperComparison, PaperTable
from mevis_bench.reports.published import RunBeside
from mevis_bench.reports.terminal import FittedTable, titled
from mevis_bench.schemas.published_results import PublishedResults


def paper_table(label: str, entries: Sequence[PaperComparison]) -> Group:
    """Return a run's metrics next to the rows of the paper for the same method."""
    numbers = ("paper", "run", "difference")
    table = FittedTable(("table", "row", "metric", *numbers, "comparable"), numbers)
    for entry in entries:
        comparable = Text(f"no: {'; '.join(entry.not_comparable)}" if entry.not_comparable else "yes")
        for index, (metric, ours) in enumerate(entry.ours.items()):
            head = (str(entry.row.table), f"{entry.row.title} [{entry.row.reference}]") if index == 0 else ("", "")
            style = "dim" if entry.not_comparable else ""
            cells = (metric, str(entry.row.values[metric]), f"{ours:.1f}", f"{entry.difference[metric]:+.1f}")
            last = index + 1 == len(entry.ours)
            table.add_row(
                *(Text(cell, style) for cell in (*head, *cells)), comparable if index == 0 else "", end_section=last
            )
    return titled(f"{label} and the paper, percent", table)


def beside_paper(label: str, tables: Sequence[PaperTable]) -> Group:
    """Return a run of a method that the paper does not have, below the rows of the paper's tables."""
    if not tables:
        return Group(f"{label}: the paper has no results for this task and data set.")
    parts = []
    for entry in tables:
        table = FittedTable(("method", "reference", *entry.columns), entry.columns)
        for row in entry.rows:
            values = (row.values.get(name) for name in entry.columns)
            cells = ("-" if value is None else str(value) for value in values)
            table.add_row(row.title, Text(row.reference, "dim"), *cells, end_section=row is entry.rows[-1])
        cells = (f"{entry.ours[name]:.1f}" if name in entry.ours else "-" for name in entry.columns)
        table.add_row(Text(label, "bold"), "this run", *cells)
        note = f"This run is not comparable: {'; '.join(entry.not_comparable)}." if entry.not_comparable else ""
        parts.append(titled(f"{label} and the paper's Table {entry.number}, percent", table, *filter(None, (note,))))
    return Group(*parts)


def beside_published(published: PublishedResults, runs: Sequence[RunBeside]) -> Group:
    """Return a table of published results with runs in a block of their own below them; nothing is ranked or marked."""
    table = FittedTable(("", "method", "source", *published.columns), published.columns)
    for row in published.rows:
        rank = "" if row.rank is None else str(row.rank)
        method = row.method if row.team is None else f"{row.team}: {row.method}"
        cells = (f"{row.values[name]:.1f}" if name in row.values else "-" for name in published.columns)
        source = Text(f"{row.reference} ({row.evidence})", "dim")
        table.add_row(rank, method, source, *cells, end_section=row is published.rows[-1])
    for run in runs:
        values = (run.values[name] for name in published.columns)
        cells = ("-" if value is None else f"{value:.1f}" for value in values)
        note = f"not comparable: {'; '.join(run.not_comparable)}" if run.not_comparable else "comparable"
        table.add_row("", Text(run.label, "bold"), f"run, {note}", *cells)
    facts = f"{published.data_set} {published.split}. {published.rule} Compared in: {published.source}."
    return titled(f"published: {published.title}, percent", table, f"{facts} Runs are not ranked among these rows.")
