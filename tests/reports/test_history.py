"""The history file grows line by line, invalid lines are errors, and the page escapes its texts."""

from dataclasses import replace
from pathlib import Path

import pytest

from mevis_bench.records import DataError
from mevis_bench.reports.history import append, make_entry, page, read_history
from mevis_bench.schemas.history import HistoryEntry, Point
from mevis_bench.store.score_files import read_scores, write_scores
from tests.fixtures.scored_runs import RESULTS, scored_run


def entry(value: float, day: int, run: str = "rvos/m:v/valid_u") -> HistoryEntry:
    points = {"J&F": {"all": Point(value, value - 0.02, value + 0.02), "multi": Point(value / 2, None, None)}}
    return HistoryEntry(run, f"c{day}", f"2026-01-{day:02d}T00:00:00Z", points)


def test_entries_come_back_oldest_first(tmp_path: Path) -> None:
    append(tmp_path / "h.jsonl", [entry(0.5, 2)])
    append(tmp_path / "h.jsonl", [entry(0.4, 1)])
    assert read_history(tmp_path / "h.jsonl") == (entry(0.4, 1), entry(0.5, 2))


def test_an_invalid_line_is_an_error(tmp_path: Path) -> None:
    append(tmp_path / "h.jsonl", [entry(0.5, 2)])
    with (tmp_path / "h.jsonl").open("a") as file:
        file.write('{"run": "x"}\n')
    with pytest.raises(DataError, match=r"h\.jsonl:2: missing key 'commit'"):
        read_history(tmp_path / "h.jsonl")


def test_an_aggregate_has_an_interval_only_where_it_is_a_mean(tmp_path: Path) -> None:
    run = scored_run(tmp_path / "run")
    mean = sum(score.values["J"] or 0 for score in read_scores(run)) / 240
    whole = {"J": mean, "J&F": 0.5}
    write_scores(run, read_scores(run), replace(RESULTS, metrics=whole, slices={"multi": {"count": 80, "J": 0.25}}))
    points = make_entry(run, "abc", "2026-01-01T00:00:00Z").points
    assert points["J&F"] == {"all": Point(0.5, None, None)}
    assert points["J"]["multi"] == Point(0.25, None, None)
    interval = points["J"]["all"]
    assert interval.value == mean
    assert interval.low is not None
    assert interval.high is not None
    assert interval.low < mean < interval.high


def test_a_step_is_marked_and_a_small_change_is_not() -> None:
    html = page([entry(0.5, 1), entry(0.501, 2), entry(0.6, 3)])
    assert html.count('<circle class="mark"') == 1
    assert html.count('<circle class="dot"') == 2
    assert "2026-01-03 c3: 60.0" in html
    assert "J&amp;F: 60.0" in html


def test_names_are_escaped_and_an_empty_history_has_a_note() -> None:
    assert "<script>" not in page([entry(0.5, 1, run="<script>")])
    assert "No entries yet." in page([])
