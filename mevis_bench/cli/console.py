"""Console output: results on stdout, progress and errors on stderr; plain text outside a terminal."""

import json
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 200
"""Line width outside a terminal: wide enough that logs and pipes are neither cut nor wrapped."""


def out() -> Console:
    """Return the console of results (stdout). Color follows the terminal and ``NO_COLOR``."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False, soft_wrap=False)


def err() -> Console:
    """Return the console of progress, notes and errors (stderr)."""
    return Console(stderr=True, width=None if sys.stderr.isatty() else PLAIN_WIDTH, highlight=False)


def print_json(value: Mapping[str, object] | Sequence[object]) -> None:
    """Print one JSON document to stdout, the only output there with ``--json``."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n")


def print_error(message: str, *, location: str | None = None, hint: str | None = None) -> None:
    """Print one error to stderr: location, message, hint. Texts are printed literally, without markup."""
    text = Text("error: ", style="bold red")
    if location:
        text.append(f"{location}: ", style="bold default")
    text.append(message, style="not bold default")
    console = err()
    console.print(text, soft_wrap=True)
    if hint:
        console.print(Text(hint, style="cyan"), soft_wrap=True)


def print_deprecated(name: str, replacement: str) -> None:
    """Print to stderr that an option is deprecated."""
    err().print(f"{name} is deprecated and will be removed: use {replacement}.", style="yellow", markup=False)


def facts_table(facts: Mapping[str, object]) -> Table:
    """Return names and values as a table of two columns; ``None`` is shown as ``-``."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(f"  {name}", Text("-" if value is None else str(value)))
    return table
