"""The history file grows line by line, invalid lines are errors, and the page escapes its texts."""

from dataclasses import replace
from pathlib import Path

import pytest

from mevis_bench.records import DataError
from mevis_bench.reports.history import add, make_entry, page, read_history
from mevis_bench.schemas.history import HistoryEntry, Point
from mevis_bench.schemas.scores import SampleScore
from mevis_bench.store.score_files import read_scores, write_scores
from tests.fixtures.scored_runs import RESULTS, scored_run


def entry(value: float, day: int, run: str = "rvos/m:v/valid_u") -> HistoryEntry:
    points = {"J&F": {"all": Point(value, value - 0.02, value + 0.02), "multi": Point(value / 2, None, None)}}
    return HistoryEntry(run, f"c{day}", f"2026-01-{day:02d}T00:00:00Z", points)


def test_entries_come_back_oldest_first(tmp_path: Path) -> None:
    assert add(tmp_path / "h.jsonl", [entry(0.5, 2)]) == 1
    assert add(tmp_path / "h.jsonl", [entry(0.4, 1)]) == 1
    assert read_history(tmp_path / "h.jsonl") == (entry(0.4, 1), entry(0.5, 2))


def test_an_invalid_line_is_an_error(tmp_path: Path) -> None:
    add(tmp_path / "h.jsonl", [entry(0.5, 2)])
    with (tmp_path / "h.jsonl").open("a") as file:
        file.write('{"run": "x"}\n')
    with pytest.raises(DataError, match=r"h\.jsonl:2: missing key 'commit'"):
        read_history(tmp_path / "h.jsonl")


def test_an_aggregate_has_an_interval_only_where_it_is_a_mean(tmp_path: Path) -> None:
    run = scored_run(tmp_path / "run")
    mean = sum(score.values["J"] or 0 for score in read_scores(run)) / 240
    whole = {"J": mean, "J&F_m": 0.5}
    write_scores(run, read_scores(run), replace(RESULTS, metrics=whole, slices={"multi": {"count": 80, "J": 0.25}}))
    points = make_entry(run).points
    assert points["J&F_m"] == {"all": Point(0.5, None, None)}
    assert points["J"]["multi"] == Point(0.25, None, None)
    interval = points["J"]["all"]
    assert interval.value == mean
    assert interval.low is not None
    assert interval.high is not None
    assert interval.low < mean < interval.high


def test_the_same_run_is_one_entry_and_a_new_score_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    run = scored_run(tmp_path / "run")
    mean = sum(score.values["J"] or 0 for score in read_scores(run)) / 240
    write_scores(run, read_scores(run), replace(RESULTS, metrics={"J": mean}))
    assert add(path, [make_entry(run)]) == 1
    before = path.read_bytes()
    assert add(path, [make_entry(run)]) == 0
    assert path.read_bytes() == before
    (first,) = read_history(path)
    changed = replace(first, points={"J": {"all": Point(0.9, None, None)}})
    assert add(path, [entry(0.5, 2), changed]) == 1
    assert read_history(path) == (entry(0.5, 2), changed)


def test_numbers_that_contradict_each_other_are_no_entry(tmp_path: Path) -> None:
    run = scored_run(tmp_path / "run", results=replace(RESULTS, metrics={"J": 0.9}))
    with pytest.raises(DataError, match=r"J is 0\.9, its samples have a mean of 0\."):
        make_entry(run)


def test_an_aggregate_of_too_few_videos_has_no_interval(tmp_path: Path) -> None:
    few = [SampleScore(f"v{index % 5}/{index}", {"J": 0.1 * index}) for index in range(10)]
    counts = {"expected": 10, "scored": 10, "missing": 0}
    write_scores(tmp_path, few, replace(RESULTS, metrics={"J": 0.45}, counts=counts))
    assert make_entry(tmp_path).points["J"]["all"] == Point(0.45, None, None)


def test_a_step_is_marked_and_a_small_change_is_not() -> None:
    html = page([entry(0.5, 1), entry(0.501, 2), entry(0.6, 3)])
    assert html.count('<circle class="mark"') == 1
    assert html.count('<circle class="dot"') == 2
    assert "2026-01-03 c3: 60.0" in html
    assert "J&amp;F: 60.0" in html


def test_names_are_escaped_and_an_empty_history_has_a_note() -> None:
    assert "<script>" not in page([entry(0.5, 1, run="<script>")])
    assert "No entries yet." in page([])
