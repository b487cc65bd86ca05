"""Scores come back as written; a damaged file is named with its line."""

from pathlib import Path

import pytest

from mevis_bench.records import DataError
from mevis_bench.store.score_files import Results, SampleScore, read_results, read_scores, write_scores

RESULTS = Results(
    task="rvos",
    protocol="mevis_v2",
    metrics={"J&F": 1 / 3, "N-acc": None},
    counts={"expected": 2, "scored": 2, "missing": 0},
    split="valid_u",
    fingerprint="f00d",
    slices={"single": {"count": 2, "J&F": 1 / 3}},
    method={"name": "empty", "variant": "default", "provenance": "heuristic"},
    choices={"missing": "error"},
)
SCORES = [SampleScore("b/0", {"J": 0.1, "F": None}, ("single", "long")), SampleScore("a/1", {"J": 1 / 3, "F": 0.5})]


def test_round_trip_sorts_and_keeps_full_precision(tmp_path: Path) -> None:
    write_scores(tmp_path, SCORES, RESULTS)
    assert read_results(tmp_path) == RESULTS
    first, second = read_scores(tmp_path)
    assert (first.sample, first.video, first.values) == ("a/1", "a", {"J": 1 / 3, "F": 0.5})
    assert second.groups == ("long", "single")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.json", "scores.jsonl"]


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    write_scores(tmp_path, SCORES, RESULTS)
    with (tmp_path / "scores.jsonl").open("a") as file:
        file.write('{"sample": "c/0", "val\n')
    with pytest.raises(DataError, match=r"scores\.jsonl:3: this line is not a score\nScore the predictions again"):
        read_scores(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"results\.json: can't be read: No such file"):
        read_results(tmp_path)


@pytest.mark.parametrize("text", ["[]", "{}", '{"task": "rvos"}', "nonsense"])
def test_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(DataError, match="not a result of mevis-bench"):
        read_results(tmp_path)
