"""The history file grows line by line, invalid lines are errors, and the page escapes its texts."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mevis_bench.records import DataError, UsageError
from mevis_bench.reports.history import add, make_entry, read_history
from mevis_bench.reports.history_page import history_data, trends, write_history_page
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


def data_of(folder: Path) -> dict:
    text = (folder / "data" / "history.js").read_text()
    assert "<" not in text
    return json.loads(text.removeprefix("window.HISTORY = ").rstrip().removesuffix(";"))


def test_the_page_has_every_value_with_its_commit_and_interval(tmp_path: Path) -> None:
    later = replace(entry(0.6, 3), points={"J&F": {"all": Point(0.6, None, None)}})
    page = write_history_page([entry(0.5, 1), later, entry(0.7, 2, "rmot/m:v/valid_u")], tmp_path)
    first, second = data_of(tmp_path)["runs"]
    assert (first["label"], first["group"]) == ("m:v", "RVOS on valid_u")
    assert first["commits"] == ["c1", "c3"]
    assert first["points"]["J&F"]["all"] == [[0, 0.5, 0.48, 0.52], [1, 0.6, None, None]]
    assert first["points"]["J&F"]["multi"] == [[0, 0.25, None, None]]
    assert second["group"] == "RMOT on valid_u"
    assert "plotly.js" in (tmp_path / "plotly.min.js").read_text()[:300]
    assert '<script src="plotly.min.js">' in page.read_text()


def test_a_step_is_marked_and_a_small_change_is_not() -> None:
    (trend,) = trends([entry(0.5, 1), entry(0.501, 2), entry(0.6, 3)])
    assert trend.values == (0.5, 0.501, 0.6)
    assert trend.steps == (("2026-01-03", "c3", pytest.approx(0.099)),)
    assert (trend.label, trend.task, trend.split, trend.metric, trend.commit) == ("m:v", "rvos", "valid_u", "J&F", "c3")


def test_metrics_are_in_the_order_of_the_columns_and_counts_are_no_percentages() -> None:
    names = ("IDSW", "own", "DetA", "HOTA")
    points = {name: {"all": Point(0.5, None, None)} for name in names}
    (run,) = history_data([HistoryEntry("rmot/m:v/valid_u", "c", "2026-01-01T00:00:00Z", points)])["runs"]
    assert list(run["points"]) == ["HOTA", "DetA", "IDSW", "own"]
    assert run["raw"] == ["IDSW"]


def test_names_are_escaped_and_an_empty_history_has_a_note(tmp_path: Path) -> None:
    page = write_history_page([entry(0.5, 1, run="rvos/<script>/s"), entry(0.5, 1, run="no key")], tmp_path)
    assert "<script>" not in page.read_text().replace('<script src="', "")
    assert [run["label"] for run in data_of(tmp_path)["runs"]] == ["<script>", "no key"]
    assert "No entries yet." in write_history_page([], tmp_path).read_text()


def test_without_plotly_the_page_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(UsageError, match="plots over time need plotly") as raised:
        write_history_page([entry(0.5, 1)], tmp_path)
    assert raised.value.hint == "pip install 'mevis-bench[plots]'"
