"""Common style of terminal tables, and tables that fit any width."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text


def terminal_table() -> Table:
    """Return an empty table in the common style."""
    return Table(box=box.SIMPLE_HEAD, pad_edge=False)


_COLUMN_GAP = 3
"""Characters between two columns of a table in the common style."""


def list_table(
    console: Console, columns: Sequence[str], rows: Sequence[Sequence[str | Text]], *, optional: Sequence[str] = ()
) -> Table:
    """Return a table whose cells are never cut: where it is too wide, without its last optional columns, then
    folded between words.

    Args:
        console: Where it will be printed.
        columns: Titles.
        rows: Cells of each row, one per column.
        optional: Titles of columns that may be left out, the most important first.
    """
    for kept in range(len(optional), -1, -1):
        shown = [index for index, title in enumerate(columns) if title not in optional[kept:]]
        cells = [[columns[index], *(str(row[index]) for row in rows)] for index in shown]
        widest = [max(map(len, column)) for column in cells]
        words = [max((len(word) for cell in column for word in cell.split()), default=0) for column in cells]
        spare = console.width - _COLUMN_GAP * len(shown) - sum(words)
        if sum(widest) - sum(words) <= spare:
            break
    table = terminal_table()
    for index, most, least in zip(shown, widest, words, strict=True):
        width = least + max(0, min(most - least, spare))
        spare -= width - least
        table.add_column(columns[index], overflow="fold", width=width)
    for row in rows:
        table.add_row(*(row[index] for index in shown))
    return table


def titled(title: str, table: RenderableType, *notes: str) -> Group:
    """Return a table with a title above and notes below; texts are printed literally, without markup."""
    return Group(Text(title, style="bold"), table, *(Text(note, style="dim") for note in notes), "")


@dataclass(slots=True)
class WideTable:
    """A table that fits any width: value columns that do not fit follow in further tables, each with the key columns.

    Attributes:
        keys: Titles of the columns that identify a row; they fold where one value column next to them does not fit.
        values: Titles of the value columns, which are aligned to the right and never cut.
        rows: Cells of each row, keys first, and whether a line follows it.
    """

    keys: Sequence[str]
    values: Sequence[str]
    rows: list[tuple[Sequence[Text], bool]] = field(default_factory=list)

    def add_row(self, *cells: Text, end_section: bool = False) -> None:
        """Append a row with one cell per column."""
        self.rows.append((cells, end_section))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield one table per group of value columns that fit side by side."""
        first = 0
        while first < len(self.values):
            last = first + 1
            while last < len(self.values) and self._fits(console, options, range(first, last + 1)):
                last += 1
            yield self._table(range(first, last))
            first = last

    def _fits(self, console: Console, options: ConsoleOptions, values: range) -> bool:
        # Its minimum would count titles and keys as folded.
        return Measurement.get(console, options.update(width=10_000), self._table(values)).maximum <= options.max_width

    def _table(self, values: range) -> Table:
        table = terminal_table()
        for key in self.keys:
            table.add_column(key, overflow="fold")
        for value in values:
            table.add_column(self.values[value], justify="right", no_wrap=True)
        for cells, end_section in self.rows:
            shown = [*cells[: len(self.keys)], *(cells[len(self.keys) + value] for value in values)]
            table.add_row(*shown, end_section=end_section)
        return table
