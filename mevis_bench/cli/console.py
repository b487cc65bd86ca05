"""Where words go: results to stdout, progress and errors to stderr; plain where nobody watches."""

import json
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 200
"""Columns where output is not a terminal: wide, so that nothing is cut or folded in a log or a pipe."""


def out() -> Console:
    """Return the console of results (stdout). Color follows the terminal and ``NO_COLOR``."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False, soft_wrap=False)


def err() -> Console:
    """Return the console of progress, notes and errors (stderr)."""
    return Console(stderr=True, width=None if sys.stderr.isatty() else PLAIN_WIDTH, highlight=False)


def print_json(value: Mapping[str, object] | Sequence[object]) -> None:
    """Print one JSON document to stdout; the only thing a command prints there under ``--json``."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n")


def print_error(message: str, *, location: str | None = None, hint: str | None = None) -> None:
    """Print one error to stderr: location, message, hint. The texts are never read as markup."""
    text = Text("error: ", style="bold red")
    if location:
        text.append(f"{location}: ", style="bold default")
    text.append(message, style="not bold default")
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
