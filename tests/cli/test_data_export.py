import json
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.records.dataset import Dataset
from mevis_bench.runs import data_formats
from mevis_bench.runs.refer_kitti_export import Exported
from mevis_bench.runs.refer_kitti_import import Imported


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
    assert "unknown format 'kitti'\nDid you mean 'refer-kitti'?" in capsys.readouterr().err
    assert main(["data", "import", str(tmp_path), "--format", "kitti", "--out", str(tmp_path / "out")]) == 2
    assert "unknown format 'kitti'" in capsys.readouterr().err


def test_the_format_selects_the_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second format must not be handled by the first one's code."""

    def fake_export(split: Dataset, out: Path, **options: object) -> Exported:
        return Exported(7, 7, 7, 7)

    monkeypatch.setattr(data_formats, "EXPORTERS", {**data_formats.EXPORTERS, "fake": fake_export})
    monkeypatch.setattr(data_formats, "IMPORTERS", {"fake": lambda source, out, advance: Imported(8, 2)})
    assert main(["data", "export", "--format", "fake", "--out", str(tmp_path / "out"), "--json"]) == 0
    assert main(["data", "import", str(tmp_path), "--format", "fake", "--out", str(tmp_path / "out"), "--json"]) == 0
    exported, imported = map(json.loads, capsys.readouterr().out.replace("}\n{", "}\0{").split("\0"))
    assert (exported["format"], exported["videos"]) == ("fake", 7)
    assert (imported["format"], imported["videos"], imported["absent"]) == ("fake", 8, 2)


def test_an_export_can_be_imported_and_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "export", "--out", str(tmp_path / "kitti"), "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert main(["data", "import", str(tmp_path / "kitti"), "--out", str(tmp_path / "split"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["videos"] == written["videos"]
    assert main(["data", "verify", str(tmp_path / "split"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["expressions"]["all"] == written["expressions"]
