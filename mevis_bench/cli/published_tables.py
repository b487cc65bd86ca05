"""Terminal tables of published numbers: the paper's and those of others."""

from collections.abc import Sequence

from rich.console import Group
from rich.text import Text

from mevis_bench.reports.paper import PaperComparison
from mevis_bench.reports.published import RunBeside
from mevis_bench.reports.terminal import terminal_table, titled
from mevis_bench.schemas.published_results import PublishedResults


def paper_table(label: str, entries: Sequence[PaperComparison]) -> Group | str:
    """Return a run's metrics next to the rows of the paper for the same method."""
    if not entries:
        return f"{label}: the paper has no row for this method and task."
    table = terminal_table()
    for name, justify in (("table", "right"), ("row", "left"), ("metric", "left")):
        table.add_column(name, justify="right" if justify == "right" else "left")
    for name in ("paper", "run", "difference"):
        table.add_column(name, justify="right")
    table.add_column("comparable")
    for entry in entries:
        comparable = Text("; ".join(("not comparable", *entry.not_comparable)) if entry.not_comparable else "yes")
        for index, (metric, ours) in enumerate(entry.ours.items()):
            head = (str(entry.row.table), f"{entry.row.method} [{entry.row.reference}]") if index == 0 else ("", "")
            style = "dim" if entry.not_comparable else ""
            cells = (metric, str(entry.row.values[metric]), f"{ours:.1f}", f"{entry.difference[metric]:+.1f}")
            table.add_row(*(Text(cell, style) for cell in (*head, *cells)), comparable if index == 0 else "")
        table.add_section()
    return titled(f"{label} and the paper, percent", table)


def beside_published(published: PublishedResults, runs: Sequence[RunBeside]) -> Group:
    """Return a table of published results with runs in a block of their own below them; nothing is ranked or marked."""
    table = terminal_table()
    table.add_column("", justify="right")
    for name in ("method", "source"):
        table.add_column(name, overflow="fold")
    for name in published.columns:
        table.add_column(name, justify="right", no_wrap=True)
    for row in published.rows:
        rank = "" if row.rank is None else str(row.rank)
        method = row.method if row.team is None else f"{row.team}: {row.method}"
        cells = (f"{row.values[name]:.1f}" if name in row.values else "-" for name in published.columns)
        table.add_row(rank, Text(method), Text(f"{row.reference} ({row.evidence})", "dim"), *cells)
    table.add_section()
    for run in runs:
        values = (run.values[name] for name in published.columns)
        cells = ("-" if value is None else f"{value:.1f}" for value in values)
        note = f"not comparable: {'; '.join(run.not_comparable)}" if run.not_comparable else "comparable"
        table.add_row("", Text(run.label, "bold"), Text(f"run, {note}"), *cells)
    facts = f"{published.data_set} {published.split}. {published.rule} Compared in: {published.source}."
    return titled(f"published: {published.title}, percent", table, f"{facts} Runs are not ranked among these rows.")
