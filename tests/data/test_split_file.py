"""Splits are recognized by one file; where it is missing, one error names the folder, the file and the splits."""

from dataclasses import replace
from pathlib import Path

import pytest

from mevis_bench.data.ref_sav.dataset import INFO
from mevis_bench.data.sentences import has_keys
from mevis_bench.data.split_file import SplitFile
from mevis_bench.records import UsageError

PER_SPLIT = SplitFile(replace(INFO, splits=("train", "valid")), "{split}/meta.json")
SHARED = SplitFile(INFO, "meta.json")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("meta.json", "valid/meta.json", "mine/meta.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    return tmp_path


def test_a_split_exists_where_its_file_is(root: Path) -> None:
    found = {split: (PER_SPLIT.exists(root, split), SHARED.exists(root, split)) for split in ("train", "valid", "mine")}
    assert found == {"train": (False, False), "valid": (True, True), "mine": (True, False)}
    assert PER_SPLIT.require(root, "mine") == SHARED.require(root, "valid") == root


@pytest.mark.parametrize("split", ["../valid", "valid/../valid", "", "a\0b", "x" * 300])
def test_names_that_are_no_file_names_are_no_splits(root: Path, split: str) -> None:
    assert not PER_SPLIT.exists(root, split)
    with pytest.raises(UsageError) as caught:
        PER_SPLIT.require(root, split)
    assert caught.value.message == f"no split {split!r}"


@pytest.mark.parametrize(
    ("file", "split", "message", "hint"),
    [
        (PER_SPLIT, "train", "no split 'train': train/meta.json is missing", "Known: valid"),
        (PER_SPLIT, "valud", "no split 'valud': valud/meta.json is missing", "Did you mean 'valid'? Known: valid"),
        (SHARED, "train", "no split 'train'", "Known: valid"),
    ],
)
def test_a_missing_split_names_its_file_and_the_others(
    root: Path, file: SplitFile, split: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        file.require(root, split)
    assert (caught.value.message, caught.value.location, caught.value.hint) == (message, str(root), hint)


def test_a_folder_without_any_split_points_to_the_description(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        SHARED.require(tmp_path, "valid")
    assert caught.value.message == "no split 'valid': meta.json is missing"
    assert caught.value.hint == "See: mevis-bench data info ref_sav"
    for folder in (None, tmp_path / "none"):
        with pytest.raises(UsageError, match="no such folder"):
            SHARED.require(folder, "valid")


def test_keys_are_looked_for_at_the_start_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "meta.json"
    path.write_text('{"type": 1, "text": "obj_id"' + " " * 2**16 + '"late": 2}')
    assert has_keys(path, present=("type",), absent=("late", "anno_id"))
    assert not has_keys(path, present=("late",), absent=())
    assert not has_keys(path, present=(), absent=("type",))
