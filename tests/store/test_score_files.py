"""Scores come back as written; a damaged file is named with its line."""

import re
from pathlib import Path

import pytest

from mevis_bench.records import DataError
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.store.score_files import read_results, read_scores, write_scores

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
    with pytest.raises(DataError, match=r"scores\.jsonl:3: invalid JSON: .*\nScore the predictions again"):
        read_scores(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"results\.json: cannot be read: No such file"):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "expected a mapping, got an empty list"),
        ("{}", "expected schema 2, got no schema number"),
        ('{"schema": true}', "expected schema 2, got schema True"),
        ('{"schema": 3}', "schema 3 is newer than this version reads (2)\nUpdate mevis-bench."),
        ('{"schema": 0}', "schema 0 is older than this version reads (2)"),
        ('{"schema": 2, "task": "rvos"}', "missing key 'protocol'"),
        ("nonsense", "invalid JSON: Expecting value"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(DataError, match="results.json: " + re.escape(message)):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"J&F": 0.3333333333333333,', '"J&F": NaN,', "invalid JSON: NaN is not a JSON number"),
        (
            '"J&F": 0.3333333333333333,',
            '"J&F": "1/3",',
            "'metrics.J&F': expected a number >= -1e+12 and <= 1e+12, got '1/3'",
        ),
        ('"scored": 2', '"scored": 2.5', "'counts.scored': expected an integer, got 2.5"),
        ('"count": 2', '"count": true', "'slices.single.count': expected a number >= -1e+12 and <= 1e+12, got true"),
        ('"split":', '"splt":', "unknown key 'splt'\nDid you mean 'split'? Known: task, protocol"),
        ('"task": "rvos"', '"task": "rwos"', "'task': expected one of rvos, avos, rmot, rmeg, got 'rwos'"),
        ('"split": "valid_u",', '"split": "a", "split": "b",', "duplicate key 'split'\nScore the predictions again"),
    ],
)
def test_an_error_names_the_field(tmp_path: Path, old: str, new: str, message: str) -> None:
    write_scores(tmp_path, SCORES, RESULTS)
    path = tmp_path / "results.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(DataError, match="results.json: " + re.escape(message)):
        read_results(tmp_path)


def test_a_truncated_file_is_refused_at_every_byte(tmp_path: Path) -> None:
    write_scores(tmp_path, SCORES, RESULTS)
    path = tmp_path / "results.json"
    content = path.read_bytes().rstrip()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match=r"results\.json: invalid JSON"):
            read_results(tmp_path)


def test_results_of_schema_1_are_read(tmp_path: Path) -> None:
    write_scores(tmp_path, SCORES, RESULTS)
    path = tmp_path / "results.json"
    old = path.read_text().replace('"schema": 2', '"schema": 1').replace('"heuristic"', '"floor"')
    assert '"floor"' in old
    path.write_text(old)
    assert read_results(tmp_path) == RESULTS
