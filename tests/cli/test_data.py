"""``mevis-bench data``: printed output and exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from tests.fixtures.split_documents import documents, write_split


def test_verify_counts_the_embedded_split(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "verify"]) == 0
    shown = capsys.readouterr().out
    assert "18" in shown
    assert "191" in shown
    assert shown.rstrip().endswith("valid_u: no errors")


def test_verify_prints_errors_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    meta, masks = documents()
    masks.pop("9")
    meta["videos"]["b_dogs"]["frames"][0] = "[red]up"
    write_split(tmp_path, meta, masks)
    assert main(["data", "verify", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "JPEGImages/b_dogs/[red]up.jpg: image is missing" in shown
    assert "meta_expressions.json: video a_cat, expression 0: anno_id 9 is not in mask_dict.json" in shown
    assert f"{tmp_path}: 2 errors" in shown


def test_links_out_of_the_folder_are_followed_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEVIS_BENCH_FOLLOW_LINKS", "0")
    root = write_split(tmp_path / "split", *documents())
    (root / "JPEGImages/a_cat").rename(tmp_path / "frames")
    (root / "JPEGImages/a_cat").symlink_to(tmp_path / "frames")
    assert main(["data", "verify", str(root)]) == 1
    shown = capsys.readouterr().out
    assert "frame path 'JPEGImages/a_cat/00000.jpg' leaves the folder through a link" in " ".join(shown.split())
    assert main(["--follow-links", "data", "verify", str(root)]) == 0


def test_links_within_the_data_folder_are_followed(tmp_path: Path) -> None:
    root = write_split(tmp_path / "data/train", *documents())
    (root / "JPEGImages").rename(tmp_path / "data/frames")
    (root / "JPEGImages").symlink_to("../frames")
    assert main(["data", "verify", str(tmp_path / "data"), "--split", "train"]) == 0
    assert main(["data", "verify", str(root)]) == 1  # what lies beside a split given alone is outside


def test_verify_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    meta, masks = documents()
    masks["8"].pop()
    write_split(tmp_path / "train", meta, masks)
    assert main(["data", "verify", str(tmp_path), "--split", "train", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["expressions"] == {
        "all": 6, "single": 4, "multi": 1, "no_target": 1, "unknown": 0, "spoken": 0
    }  # fmt: skip
    message = "there are 2 masks, the video has 3 frames"
    assert report["errors"] == [{"file": "mask_dict.json", "key": "key 8", "message": message}]
    assert [(error["key"], error["what"]) for error in report["faults"]] == [("key 8", message)]  # former names


def test_verify_of_nothing_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "verify", str(tmp_path / "gone")]) == 2
    assert "gone: folder not found" in capsys.readouterr().err
    assert main(["data", "verify", str(tmp_path)]) == 2
    assert "split 'valid_u' not found" in capsys.readouterr().err


def test_make_mini_makes_a_split_that_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["data", "make-mini", "--split", "train", "--videos", "1", "--seed", "5", "--out", str(tmp_path)]
    assert main(words) == 0
    assert f"wrote 1 videos to {tmp_path / 'train'}; use --data {tmp_path}" in capsys.readouterr().out
    assert main(["data", "verify", str(tmp_path), "--split", "train"]) == 0
    assert main(words) == 2
    assert "the folder is not empty" in capsys.readouterr().err


def test_make_mini_prints_its_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["data", "make-mini", "--split", "x", "--videos", "2", "--seed", "5", "--out", str(tmp_path), "--json"]
    assert main([*words, "--opposite-orders", "0"]) == 0
    arguments = json.loads(capsys.readouterr().out)
    assert arguments == {
        "root": str(tmp_path / "x"), "split": "x", "videos": 2, "seed": 5, "speech": "none", "annotators": 1,
        "opposite_orders": 0.0, "world": 1,
    }  # fmt: skip
    elsewhere = [word if word != "x" else "y" for word in words]
    assert main([*elsewhere, "--opposite-orders", "2"]) == 2
    assert "between 0 and 1, got 2.0" in capsys.readouterr().err


def test_help_of_data_starts_light() -> None:
    code = (
        "import sys\n"
        "from mevis_bench.cli.app import main\n"
        "main(['data', '--help'])\n"
        "sys.exit(repr([m for m in ('torch', 'numba', 'PIL', 'soundfile') if m in sys.modules]))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr.strip() == "[]"


def test_verify_takes_the_environment_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_split(tmp_path / "valid_u", *documents())
    monkeypatch.setenv("MEVIS_BENCH_DATA", str(tmp_path))
    assert main(["data", "verify"]) == 0
    assert f"{folder}: no errors" in capsys.readouterr().out
