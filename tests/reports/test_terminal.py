"""Tables in narrow terminals: no cell is cut, and every row has its keys."""

import io
import re

import pytest
from rich.console import Console, RenderableType
from rich.text import Text

from mevis_bench.reports.terminal import FactsTable, FittedTable

KEYS = ("method", "provenance")
VALUES = tuple(f"metric-number-{index} ↑" for index in range(12))


def lines_of(table: RenderableType, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def numbers(width: int, methods: tuple[str, ...] = ("every_object:default", "empty:default")) -> list[str]:
    table = FittedTable((*KEYS, *VALUES), VALUES)
    for row, method in enumerate(methods):
        table.add_row(Text(method), "trained-here", *(f"{row}{index}.{index}" for index in range(12)))
    return lines_of(table, width)


@pytest.mark.parametrize("width", [40, 80, 120, 250, 400])
def test_every_value_is_shown_whole_beside_its_keys(width: int) -> None:
    lines = numbers(width)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= width
    assert "…" not in text
    assert all(title in text for title in VALUES)
    for row in range(2):
        assert all(f"{row}{index}.{index}" in text.split() for index in range(12))


@pytest.mark.parametrize(("width", "tables"), [(400, 1), (120, 3), (80, 5)])
def test_columns_stand_side_by_side_where_they_fit(width: int, tables: int) -> None:
    # Keys take 20 + 2 + 12, a value column 2 + 17 or 18 characters: 4 or 2 fit; beside the method alone 5 or 3.
    text = "\n".join(numbers(width))
    assert len(re.findall("^method", text, flags=re.MULTILINE)) == tables
    assert text.count("every_object:default") == tables
    assert text.count("provenance") == 1


def test_further_tables_have_all_keys_where_the_first_one_is_not_unique() -> None:
    text = "\n".join(numbers(120, ("same", "same")))
    assert text.count("provenance") == len(re.findall("^method", text, flags=re.MULTILINE)) > 1


def test_rows_become_lists_where_no_two_numbers_fit() -> None:
    lines = numbers(60, methods=("a" * 50,))
    assert lines[0] == "a" * 50
    assert [line.split()[0] for line in lines[1:4]] == ["provenance", "metric-number-0", "metric-number-1"]
    assert lines[2].split() == ["metric-number-0", "↑", "00.0"]


ROWS = [("refer_youtube_vos", "train, valid, test", "J & F over frames"), ("mini", "valid_u, held_out", "mevis_v2")]


@pytest.mark.parametrize(("width", "left_out"), [(28, True), (40, False), (50, False), (80, False)])
def test_texts_fold_between_words_and_optional_columns_are_named_where_they_do_not_fit(
    width: int, left_out: bool
) -> None:
    # The longest words take 17, 9 and 8 characters: 38 with the gaps, 28 without the last column.
    table = FittedTable(("name", "splits", "protocol"), optional=("protocol",))
    for row in ROWS:
        table.add_row(*row)
    lines = lines_of(table, width)
    text = " ".join(" ".join(lines).split())
    assert max(map(len, lines)) <= width
    note = f"Not shown in {width} columns: protocol; a wider terminal or --json shows them."
    assert (note in text) is left_out
    assert ("mevis_v2" in text) is not left_out
    assert all(word in text.split() for row in ROWS for cell in row[:2] for word in cell.split())


def test_the_spare_width_goes_to_the_columns_that_need_the_least() -> None:
    table = FittedTable(("state", "text"))
    table.add_row("none needed", "a word " * 10)
    assert lines_of(table, 40)[2].startswith("none needed  a word")


def test_a_title_keeps_its_line_breaks() -> None:
    table = FittedTable(("run", "FPS\nend to end"), numbers=("FPS\nend to end",))
    table.add_row("a", "1.0")
    assert [line.split() for line in lines_of(table, 40)][:2] == [["FPS"], ["run", "end", "to", "end"]]


def test_texts_are_no_markup() -> None:
    table = FittedTable(("run",))
    table.add_row("[red]x[/red]")
    assert lines_of(table, 40)[2].strip() == "[red]x[/red]"
    assert "[red]x[/red]" in lines_of(FactsTable({"a": "[red]x[/red]"}), 40)[0]


def test_a_value_that_does_not_fit_beside_its_name_stands_below_it() -> None:
    facts = {"weights": "none", "hash of the sentences": "0123456789" * 4, "empty": "", "unknown": None}
    assert [line.rstrip() for line in lines_of(FactsTable(facts), 60)] == [
        "  weights                none",
        "  hash of the sentences",
        f"    {'0123456789' * 4}",
        "  empty",
        "  unknown                -",
    ]
