import json
from pathlib import Path

import pytest

from mevis_bench.cli.app import main


def test_the_embedded_split_is_exported_and_its_counts_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "kitti"
    assert main(["data", "export", "--format", "refer-kitti", "--out", str(out), "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    sequences = (out / "seqmap.txt").read_text().splitlines()
    frames = (out / "frames.txt").read_text().splitlines()
    assert (counts["expressions"], counts["frames"], counts["predictions"]) == (len(sequences), len(frames), 0)
    assert counts["videos"] == len({line.partition("+")[0] for line in sequences}) > 0
    assert all((out / line).is_file() for line in frames)


def test_a_second_export_into_the_same_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["data", "export", "--out", str(tmp_path)]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_an_unknown_layout_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "export", "--format", "kitti", "--out", str(tmp_path / "out")]) == 2
    assert "refer-kitti" in capsys.readouterr().err


def test_an_export_can_be_imported_and_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "export", "--out", str(tmp_path / "kitti"), "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert main(["data", "import", str(tmp_path / "kitti"), "--out", str(tmp_path / "split"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["videos"] == written["videos"]
    assert main(["data", "verify", str(tmp_path / "split"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["expressions"]["all"] == written["expressions"]
