"""Common mistakes in predictions are read where that is safe; else the error names the cause."""

import shutil
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from tests.paths import SHARED

CASES = SHARED / "cases"


def score(case: str, tmp_path: Path, predictions: str, *more: str) -> int:
    folder = Path(shutil.copytree(CASES / case, tmp_path / case))
    out = ["--workers", "1", "--out", str(tmp_path / "out")]
    return main(["score", str(folder / predictions), "--data", str(folder / "data"), "--split", "valid_u", *out, *more])


@pytest.mark.shared
def test_six_digit_frames_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score("frames-named-with-six-digits", tmp_path, "preds") == 2
    error = capsys.readouterr().err
    assert "00000.png: frame is missing" in error
    assert "The folder has 5 files, the first is 000000.png" in error


@pytest.mark.shared
def test_masks_saved_as_jpeg_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score("masks-saved-as-jpg", tmp_path, "preds") == 2
    assert "There are 30 .jpg files: JPEG changes the values of masks. Save them as PNG." in capsys.readouterr().err


@pytest.mark.shared
def test_a_byte_order_mark_in_tracks_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score("track-file-with-bom", tmp_path, "preds", "--task", "rmot", "--json") == 0
    assert '"HOTA": 1.0' in capsys.readouterr().out


@pytest.mark.shared
def test_a_track_file_written_twice_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score("track-file-written-twice", tmp_path, "preds", "--task", "rmot") == 2
    error = capsys.readouterr().err
    assert "duplicate id 1 in frame 1: it has two boxes" in error
    assert "The second half of the file, from line 6, repeats the first" in error


@pytest.mark.shared
def test_a_zip_with_backslashes_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score("zip-with-backslashes", tmp_path, "preds.zip") == 2
    error = capsys.readouterr().err
    assert "the zip was packed with backslashes in its names" in error
    assert "Pack it again" in error
    case = tmp_path / "zip-with-backslashes"
    assert main(["submit", "check", str(case / "preds.zip"), "--data", str(case / "data"), "--split", "valid_u"]) == 1
    assert "30 names have backslashes" in capsys.readouterr().err
