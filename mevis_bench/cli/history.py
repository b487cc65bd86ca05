"""``mevis-bench history``: results night by night."""

from pathlib import Path
from typing import Annotated

import typer

from mevis_bench.cli import options

command = typer.Typer(no_args_is_help=True)

HistoryFile = Annotated[Path, typer.Option("--file", metavar="FILE", help="The history, a line a run and night.")]


@command.callback()
def _group() -> None:
    """Results night by night: append runs, draw the page."""


@command.command()
def add(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Scored run folders.")],
    file: HistoryFile = Path("history.jsonl"),
) -> None:
    """Append scored runs with today's date and the commit they ran from."""
    import json
    from datetime import UTC, datetime

    from mevis_bench.cli import console
    from mevis_bench.reports.history import append, entry_of

    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    entries = []
    for run in runs:
        manifest = run / "manifest.json"
        commit = json.loads(manifest.read_text(encoding="utf-8"))["commit"] if manifest.is_file() else None
        entries.append(entry_of(run, (commit or "-")[:9], now))
    append(file, entries)
    console.out().print(f"{len(entries)} runs appended to {file}", markup=False, soft_wrap=True)


@command.command()
def page(file: HistoryFile = Path("history.jsonl"), out: options.Out = None) -> None:
    """Draw the history as one static page: metric by slice over time, with intervals, commits and marked steps."""
    from mevis_bench.cli import console
    from mevis_bench.files.atomic import atomic_write
    from mevis_bench.reports.history import page as draw
    from mevis_bench.reports.history import read_history

    target = (out if out is not None else file.parent) / "history.html"
    atomic_write(target, draw(read_history(file)))
    console.out().print(str(target), markup=False, soft_wrap=True)
