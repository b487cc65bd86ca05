"""``mevis-bench history``: results over time."""

from pathlib import Path

import typer

from mevis_bench.cli import arguments, options

command = typer.Typer(no_args_is_help=True)


@command.callback()
def _group() -> None:
    """Track results over time: append runs, write the page."""


@command.command()
def add(runs: arguments.ScoredRuns, file: options.HistoryFile = Path("history.jsonl")) -> None:
    """Add scored runs with the time and the commit they were made with; a run that is there already is replaced."""
    from mevis_bench.cli import console
    from mevis_bench.reports import history

    added = history.add(file, [history.make_entry(run) for run in runs])
    known = f", {len(runs) - added} were there before" if added < len(runs) else ""
    console.out().print(f"{added} runs added to {file}{known}", markup=False, soft_wrap=True)


@command.command()
def page(file: options.HistoryFile = Path("history.jsonl"), out: options.Out = None) -> None:
    """Write history.html: every metric and slice over time, with intervals, commits and marked steps; works offline."""
    from mevis_bench.cli import console
    from mevis_bench.reports.history import read_history
    from mevis_bench.reports.history_page import write_history_page

    target = write_history_page(read_history(file), out if out is not None else file.parent)
    console.out().print(str(target), markup=False, soft_wrap=True)
