"""Common style of terminal tables."""

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text


def terminal_table() -> Table:
    """Return an empty table in the common style."""
    return Table(box=box.SIMPLE_HEAD, pad_edge=False)


def titled(title: str, table: Table, *notes: str) -> Group:
    """Return a table with a title above and notes below; texts are printed literally, without markup."""
    return Group(Text(title, style="bold"), table, *(Text(note, style="dim") for note in notes), "")
