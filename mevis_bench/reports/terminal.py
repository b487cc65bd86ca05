"""One look for every table in the terminal."""

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text


def terminal_table() -> Table:
    """Start a table without columns."""
    return Table(box=box.SIMPLE_HEAD, pad_edge=False)


def titled(title: str, table: Table, *notes: str) -> Group:
    """Put a title above and notes below a table, as wide as the terminal; texts are taken as they are."""
    return Group(Text(title, style="bold"), table, *(Text(note, style="dim") for note in notes), "")
