"""Tables in narrow terminals: no cell is cut, and every row has its keys."""

import io

import pytest
from rich.console import Console
from rich.text import Text

from mevis_bench.reports.terminal import WideTable, list_table

KEYS = ("method", "provenance")
VALUES = tuple(f"metric-number-{index} ↑" for index in range(12))


def render(width: int, method: str = "every_object:default") -> list[str]:
    table = WideTable(KEYS, VALUES)
    for row in range(2):
        table.add_row(Text(method), Text("trained-here"), *(Text(f"{row}{index}.{index}") for index in range(12)))
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 80, 120, 250, 400])
def test_every_value_is_shown_whole_beside_its_keys(width: int) -> None:
    lines = render(width)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= width
    assert "…" not in text
    assert all(title in text for title in VALUES)
    tables = text.count("provenance")
    assert text.replace("\n", "").count("default") == 2 * tables
    for row in range(2):
        assert all(f"{row}{index}.{index}" in text.split() for index in range(12))


@pytest.mark.parametrize(("width", "tables"), [(400, 1), (120, 3), (80, 6)])
def test_columns_stand_side_by_side_where_they_fit(width: int, tables: int) -> None:
    # Keys take 20 + 2 + 12, a value column 2 + 17 or 18 characters: 12, 4 and 2 of them fit.
    assert "\n".join(render(width)).count("provenance") == tables


def test_long_keys_fold() -> None:
    lines = render(60, method="a" * 70)
    assert sum(line.count("a") for line in lines if "trained" in line or line.startswith("a")) >= 2 * 70
    assert max(map(len, lines)) <= 60


ROWS = [("refer_youtube_vos", "train, valid, test", "J & F over frames"), ("mini", "valid_u, held_out", "mevis_v2")]


@pytest.mark.parametrize("width", [34, 40, 50, 80])
def test_lists_show_every_word_whole_and_drop_what_does_not_fit(width: int) -> None:
    console = Console(width=width, file=io.StringIO())
    console.print(list_table(console, ("name", "splits", "protocol"), ROWS, optional=("protocol",)))
    shown = console.file.getvalue()
    assert max(len(line) for line in shown.splitlines()) <= width
    assert ("protocol" in shown) is (width == 80)
    words = shown.split()
    assert all(word in words for row in ROWS for cell in row[:2] for word in cell.split())
