"""Where words go: results to stdout, progress and errors to stderr; plain where nobody watches."""

import json
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mevis_bench.records import MevisBenchError

PLAIN_WIDTH = 200
"""Columns where output is not a terminal: wide, so that nothing is cut or folded in a log or a pipe."""


def out() -> Console:
    """Return the console of results (stdout). Colour follows the terminal and ``NO_COLOR``."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False, soft_wrap=False)


def err() -> Console:
    """Return the console of progress, notes and errors (stderr)."""
    return Console(stderr=True, width=None if sys.stderr.isatty() else PLAIN_WIDTH, highlight=False)


def print_json(value: Mapping[str, object] | Sequence[object]) -> None:
    """Print one JSON document to stdout; the only thing a command prints there under ``--json``."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n")


def print_error(error: MevisBenchError) -> None:
    """Print what is wrong, where, and what to do next."""
    print_fault(error.what, where=error.where, hint=error.hint)


def print_fault(what: str, *, where: str | None = None, hint: str | None = None) -> None:
    """Print one fault to stderr in the one form every fault has; the texts are never read as markup."""
    text = Text("error: ", style="bold red")
    if where:
        text.append(f"{where}: ", style="bold default")
    text.append(what, style="not bold default")
    console = err()
    console.print(text, soft_wrap=True)
    if hint:
        console.print(Text(hint, style="cyan"), soft_wrap=True)


def facts_table(facts: Mapping[str, object]) -> Table:
    """Return names and values as two columns; ``None`` is shown as ``-``."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(f"  {name}", Text("-" if value is None else str(value)))
    return table
