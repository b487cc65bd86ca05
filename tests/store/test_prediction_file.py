"""A video's file holds the same lines in the same order, however it came to be written."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mevis_bench.files.tree import Folder
from mevis_bench.records import CaptionPrediction, DataError
from mevis_bench.store.formats.run_folder_lines import RunPredictions
from mevis_bench.store.prediction_file import PredictionFile

ORDER = ("a", "b", "c", "d")
ANSWERS = {one: CaptionPrediction(f"the answer to {one}") for one in ORDER}


def write(path: Path, ids: tuple[str, ...] = ORDER) -> bytes:
    file = PredictionFile(path, ORDER, again=ids)
    for one in ids:
        file.add(one, ANSWERS[one])
    return path.read_bytes()


@settings(deadline=None)  # it writes files
@given(st.permutations(ORDER))
def test_lines_are_in_order_of_the_data_set_at_any_moment(tmp_path_factory, ids: list[str]) -> None:
    path = tmp_path_factory.mktemp("p") / "predictions" / "v.jsonl"
    whole = dict(zip(ORDER, write(path.with_name("w.jsonl")).splitlines(keepends=True), strict=True))
    file = PredictionFile(path, ORDER, again=ORDER)
    for number, one in enumerate(ids, 1):
        file.add(one, ANSWERS[one])
        assert path.read_bytes() == b"".join(whole[each] for each in ORDER if each in ids[:number])


def test_a_file_cut_anywhere_is_made_whole_by_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    whole = write(path)
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert write(path, ORDER[whole[:cut].count(b"\n") :]) == whole


def test_lines_that_are_made_again_are_dropped_at_once(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    whole = write(path).splitlines(keepends=True)
    PredictionFile(path, ORDER, again=("b", "d"))
    assert path.read_bytes() == whole[0] + whole[2]
    path.write_bytes(b"\0" * 40)
    PredictionFile(path, ORDER, again=ORDER)
    assert not path.exists()


def test_a_full_disk_costs_no_line_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "v.jsonl"
    file = PredictionFile(path, ORDER, again=ORDER)
    file.add("a", ANSWERS["a"])
    real = os.write
    monkeypatch.setattr(os, "write", lambda location, line: real(location, line[:10]))
    with pytest.raises(OSError, match="No space left on device") as caught:
        file.add("b", ANSWERS["b"])
    assert caught.value.filename == str(path)
    monkeypatch.undo()
    assert write(path, ("b", "c", "d")) == write(tmp_path / "w.jsonl")


def test_missing_or_truncated_lines_are_reported_with_their_location(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    path.write_bytes(write(path)[:-9])
    source = RunPredictions(Folder(tmp_path))
    assert source.samples() == {"v/a", "v/b", "v/c", "v/d"}
    assert source.stored("v", "c") == (ANSWERS["c"], f"{path}, expression c")
    with pytest.raises(DataError, match=r"v\.jsonl, expression d: invalid JSON: "):
        source.stored("v", "d")
    with pytest.raises(DataError, match=r"v\.jsonl, expression e: prediction is missing$"):
        source.stored("v", "e")
    with pytest.raises(DataError, match=r"w\.jsonl, expression a: prediction is missing$"):
        source.stored("w", "a")
    with pytest.raises(DataError, match=r"invalid video id '\.\.'"):
        source.stored("..", "a")


def test_a_link_is_not_followed_out_of_the_folder(tmp_path: Path) -> None:
    path, outside = tmp_path / "predictions" / "v.jsonl", tmp_path / "outside"
    path.parent.mkdir()
    path.symlink_to(outside)
    with pytest.raises(OSError, match="symbolic link"):
        PredictionFile(path, ORDER, again=ORDER).add("a", ANSWERS["a"])
    assert not outside.exists()
    outside.write_text("mine")
    assert write(path) == write(tmp_path / "w.jsonl")
    assert outside.read_text() == "mine"
