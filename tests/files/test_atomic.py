"""A file is complete or not there."""

import os
from pathlib import Path

import pytest

from mevis_bench.files.atomic import atomic_path, atomic_write


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


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_draft_becomes_the_file_or_folder(tmp_path: Path, is_folder: bool) -> None:
    with atomic_path(tmp_path / "out" / "a") as draft:
        draft.mkdir() if is_folder else draft.write_text("x")
        assert not (tmp_path / "out" / "a").exists()
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["a"]
    assert (tmp_path / "out" / "a").is_dir() == is_folder


@pytest.mark.parametrize("is_folder", [False, True])
def test_an_interrupted_draft_is_removed(tmp_path: Path, is_folder: bool) -> None:
    def write_and_stop(draft: Path) -> None:
        (draft / "inner").mkdir(parents=True) if is_folder else draft.write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "a") as draft:
        write_and_stop(draft)
    assert list(tmp_path.iterdir()) == []
