"""A file is whole or not there, and ids stay inside their folder."""

import os
from pathlib import Path

import pytest

from mevis_bench.files.atomic import atomic_write, inside
from mevis_bench.records import DataError


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.json"
    atomic_write(path, "one")
    atomic_write(path, b"two")
    assert path.read_text() == "two"
    assert [entry.name for entry in path.parent.iterdir()] == ["b.json"]


def test_a_failing_write_leaves_the_old_file_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "b.json"
    atomic_write(path, "one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        atomic_write(path, "two")
    assert path.read_text() == "one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["b.json"]


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", ".hidden", "a\0b", "a\nb"])
def test_ids_that_could_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError) as caught:
        inside(tmp_path, "video", name)
    assert str(caught.value) == f"{tmp_path}: the id {name!r} can't be a file name"


def test_ordinary_ids_are_joined(tmp_path: Path) -> None:
    assert inside(tmp_path, "a..b", "ü 1") == tmp_path / "a..b" / "ü 1"
