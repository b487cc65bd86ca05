"""The index survives a kill at every byte."""

from pathlib import Path

import pytest

from mevis_bench.records import DataError
from mevis_bench.schemas.samples import SampleStatus
from mevis_bench.store.sample_index import SampleIndex, read_statuses

FIRST = SampleStatus("a/0", "ok", 0.5, 0.1, 3)
SECOND = SampleStatus("a/1", "failed", 0.25, 0.0, 3, "ValueError: Ü")


def test_statuses_come_back_and_the_last_line_of_a_sample_holds(tmp_path: Path) -> None:
    path = tmp_path / "run" / "samples.jsonl"
    index = SampleIndex(path)
    for status in (FIRST, SECOND, SampleStatus("a/1", "ok", 1.0, 0.0, 3)):
        index.append(status)
    index.close()
    again = SampleIndex(path)
    again.close()
    assert again.statuses == {"a/0": FIRST, "a/1": SampleStatus("a/1", "ok", 1.0, 0.0, 3)}
    assert read_statuses(path) == again.statuses
    assert read_statuses(tmp_path / "none") == {}


def test_a_half_line_is_dropped_wherever_it_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    index = SampleIndex(path)
    index.append(FIRST)
    index.append(SECOND)
    index.close()
    whole = path.read_bytes()
    first_line = whole.index(b"\n") + 1
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        expected = {"a/0": FIRST} if cut >= first_line else {}
        if cut == len(whole):
            expected["a/1"] = SECOND
        assert read_statuses(path) == expected
        opened = SampleIndex(path)
        assert opened.statuses == expected
        opened.append(SECOND)
        opened.close()
        assert read_statuses(path) == {**expected, "a/1": SECOND}


def test_a_foreign_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text('{"id": "a/0"}\n')
    with pytest.raises(DataError, match=r"samples\.jsonl:1: missing key 'status'"):
        SampleIndex(path)
