"""``mevis-bench history``: results over time."""

from pathlib import Path
from typing import Annotated

import typer

from mevis_bench.cli import options

command = typer.Typer(no_args_is_help=True)

HistoryFile = Annotated[Path, typer.Option("--file", metavar="FILE", help="History file, one line per run and date.")]


@command.callback()
def _group() -> None:
    """Track results over time: append runs, write the page."""


@command.command()
def add(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Scored run folders.")],
    file: HistoryFile = Path("history.jsonl"),
) -> None:
    """Append scored runs with the current time and the commit they were made with."""
    from datetime import UTC, datetime

    from mevis_bench.cli import console
    from mevis_bench.reports.history import append, make_entry
    from mevis_bench.store.run_folder import RunFolder

    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    entries = []
    for run in runs:
        folder = RunFolder(run)
        commit = folder.read_manifest().commit if folder.manifest_path.is_file() else None
        entries.append(make_entry(run, (commit or "-")[:9], now))
    append(file, entries)
    console.out().print(f"{len(entries)} runs appended to {file}", markup=False, soft_wrap=True)


@command.command()
def page(file: HistoryFile = Path("history.jsonl"), out: options.Out = None) -> None:
    """Write the history as a static page: metrics by slice over time, with intervals, commits and marked steps."""
    from mevis_bench.cli import console
    from mevis_bench.files.atomic import atomic_write
    from mevis_bench.reports.history import page as to_html
    from mevis_bench.reports.history import read_history

    target = (out if out is not None else file.parent) / "history.html"
    atomic_write(target, to_html(read_history(file)))
    console.out().print(str(target), markup=False, soft_wrap=True)
