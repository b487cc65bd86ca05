"""Common style of terminal tables, which fit any width without cutting a word."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, JustifyMethod, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

GAP = 2
"""Characters between two columns."""


def titled(title: str, table: RenderableType, *notes: str) -> Group:
    """Return a table with a title above and notes below; texts are printed literally, without markup."""
    return Group(Text(title, style="bold"), table, *(Text(note, style="dim") for note in notes), "")


MIN_VALUE_WIDTH = 24
"""Characters that a value has beside its name; with fewer it stands below it."""


@dataclass(frozen=True, slots=True)
class FactsTable:
    """Names and values, one below the other; a value with a word that does not fit beside its name stands below it.

    Attributes:
        facts: Values by name; ``None`` is shown as ``-``, an empty text as nothing.
    """

    facts: Mapping[str, object]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield one line or more per fact."""
        names = max(map(cell_len, self.facts), default=0) + GAP
        room = options.max_width - names - GAP
        for name, value in self.facts.items():
            text = value if isinstance(value, Text) else Text("-" if value is None else str(value))
            grid = Table.grid(padding=(0, GAP, 0, 0))
            if max(map(cell_len, str(text).split()), default=0) <= room and room >= MIN_VALUE_WIDTH:
                grid.add_column(style="dim", width=names)
                grid.add_column(overflow="fold")
                grid.add_row(f"  {name}", text)
                yield grid
                continue
            yield Text(f"  {name}", style="dim", overflow="fold")
            if text:
                yield Padding(text, (0, 0, 0, 2 * GAP))


@dataclass(frozen=True, slots=True)
class _Row:
    cells: Sequence[Text]
    style: str
    end_section: bool


@dataclass(slots=True)
class FittedTable:
    """A table that fits any width.

    Where its columns do not fit side by side, texts fold between words; where that does not suffice, the last optional
    columns are left out and a note names them, or numbers follow in further tables, each with the columns before the
    first number; at last every row becomes a list of its cells.

    Attributes:
        columns: Titles in order; a line break in a title is kept.
        numbers: Titles of the columns that are aligned to the right and never folded.
        optional: Titles of columns that may be left out, the most important first.
    """

    columns: Sequence[str]
    numbers: Collection[str] = ()
    optional: Sequence[str] = ()
    _rows: list[_Row] = field(default_factory=list)

    def add_row(self, *cells: str | Text, style: str = "", end_section: bool = False) -> None:
        """Append a row with one cell per column; texts are printed literally, a blank line ends a section."""
        texts = [cell if isinstance(cell, Text) else Text(cell) for cell in cells]
        self._rows.append(_Row(texts, style, end_section))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table, the tables, or the lists, each followed by a blank line."""
        width = options.max_width
        for kept in range(len(self.optional), -1, -1):
            left_out = self.optional[kept:]
            shown = [index for index, title in enumerate(self.columns) if title not in left_out]
            if self._least(shown) <= width:
                yield from (self._table(shown, width), "")
                if left_out:
                    names = ", ".join(left_out)
                    note = f"Not shown in {width} columns: {names}; a wider terminal or --json shows them."
                    yield Text(note, style="dim")
                return
        groups = self._groups(width)
        for group in groups:
            yield from (self._table(group, width), "")
        if not groups:
            yield from (self._lists(), "")

    def _groups(self, width: int) -> list[list[int]]:
        """Return the columns of tables that fit one below the other.

        Empty: a table would have one number only, or there are no numbers.
        """
        first = next((index for index, title in enumerate(self.columns) if title in self.numbers), len(self.columns))
        keys = list(range(first))
        names = {str(row.cells[0]) for row in self._rows}
        repeated = keys[:1] if len(names) == len(self._rows) else keys
        groups = [list(keys)]
        for index in range(first, len(self.columns)):
            if self._least([*groups[-1], index]) > width:
                groups.append(list(repeated))
            groups[-1].append(index)
        alone = any(len(group) - len(repeated if number else keys) < 2 for number, group in enumerate(groups[:-1]))
        fit = all(self._least(group) <= width for group in groups)
        return groups if fit and not alone else []

    def _table(self, shown: Sequence[int], width: int) -> Table:
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
        for index, column_width in zip(shown, self._widths(shown, width), strict=True):
            title = Text(self.columns[index])
            justify: JustifyMethod = "right" if self.columns[index] in self.numbers else "left"
            table.add_column(title, overflow="fold", width=column_width, justify=justify)
        for row in self._rows:
            cells = (row.cells[index] for index in shown)
            table.add_row(*cells, style=row.style, end_section=row.end_section)
        return table

    def _lists(self) -> Group:
        """Return every row as its first cell and, below it, a list of titles and cells."""
        parts: list[RenderableType] = []
        for row in self._rows:
            named = list(zip(self.columns, row.cells, strict=True))[1:]
            facts = {" ".join(title.split()): cell for title, cell in named if cell}
            parts += [Text.assemble(row.cells[0], style="bold"), FactsTable(facts)]
        return Group(*parts)

    def _texts(self, index: int) -> list[str]:
        return [self.columns[index], *(str(row.cells[index]) for row in self._rows)]

    def _most(self, index: int) -> int:
        """Return the width of a column without folds."""
        return max(cell_len(line) for text in self._texts(index) for line in text.splitlines() or [""])

    def _longest_word(self, index: int) -> int:
        """Return the smallest width of a column: that of its longest word, of numbers that of the widest cell."""
        if self.columns[index] in self.numbers:
            return self._most(index)
        return max((cell_len(word) for text in self._texts(index) for word in text.split()), default=0)

    def _least(self, shown: Sequence[int]) -> int:
        """Return the smallest width of a table of some columns."""
        return sum(map(self._longest_word, shown)) + GAP * (len(shown) - 1)

    def _widths(self, shown: Sequence[int], width: int) -> list[int]:
        """Return the widths of columns: the spare width goes to the columns that need the least more."""
        widths = {index: self._longest_word(index) for index in shown}
        missing = {index: self._most(index) - widths[index] for index in shown}
        spare = width - self._least(shown)
        for done, index in enumerate(sorted(shown, key=missing.__getitem__)):
            added = min(missing[index], spare // (len(shown) - done))
            widths[index] += added
            spare -= added
        return [widths[index] for index in shown]
