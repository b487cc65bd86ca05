"""One look for every table in the terminal."""

from rich import box
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text


def terminal_table(title: str) -> Table:
    """Start a table; the title is taken as it is, not as markup."""
    return Table(title=escape(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def with_notes(table: Table, *notes: str) -> Group:
    """Put notes below a table, as wide as the terminal."""
    return Group(table, *(Text(note, style="dim") for note in notes), "")
