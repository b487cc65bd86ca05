"""``mevis-bench history``: results over time."""

from pathlib import Path

import typer

from mevis_bench.cli import options

command = typer.Typer(no_args_is_help=True)


@command.callback()
def _group() -> None:
    """Track results over time: append runs, write the page."""


@command.command()
def add(runs: options.ScoredRuns, file: options.HistoryFile = Path("history.jsonl")) -> None:
    """Add scored runs with the time and the commit they were made with; a run that is there already is replaced."""
    from mevis_bench.cli import console
    from mevis_bench.reports import history

    added = history.add(file, [history.make_entry(run) for run in runs])
    known = f", {len(runs) - added} were there before" if added < len(runs) else ""
    console.out().print(f"{added} runs added to {file}{known}", markup=False, soft_wrap=True)


@command.command()
def page(file: options.HistoryFile = Path("history.jsonl"), out: options.Out = None) -> None:
    """Write the history as a static page: metrics by slice over time, with intervals, commits and marked steps."""
    from mevis_bench.cli import console
    from mevis_bench.files.atomic import atomic_write
    from mevis_bench.reports.history import page as to_html
    from mevis_bench.reports.history import read_history

    target = (out if out is not None else file.parent) / "history.html"
    atomic_write(target, to_html(read_history(file)))
    console.out().print(str(target), markup=False, soft_wrap=True)
