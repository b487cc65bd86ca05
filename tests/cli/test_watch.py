"""``mevis-bench watch`` follows a run of another process until it ends."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mevis_bench.cli import watch
from mevis_bench.cli.app import main
from mevis_bench.records import ExitCode
from mevis_bench.store.run_folder import RunFolder
from tests.fixtures.tiny_split import write_tiny_split


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> RunFolder:
    """A run of which five of eight samples are done."""
    data = write_tiny_split(tmp_path / "data")
    words = ["--data", str(data), "--device", "cpu", "--out", str(tmp_path / "r")]
    assert main(["run", "--task", "rvos", "--method", "empty", *words]) == ExitCode.OK
    folder = RunFolder(tmp_path / "r")
    set_status(folder, "running")
    folder.samples_path.write_text("".join(folder.samples_path.read_text().splitlines(keepends=True)[:5]))
    capsys.readouterr()
    return folder


def set_status(folder: RunFolder, status: str) -> None:
    folder.write_manifest(replace(folder.read_manifest(), status=status))


def test_watch_shows_progress_until_the_run_ends(run: RunFolder, monkeypatch, capsys) -> None:
    whole = (run.path / "predictions").parent / "samples.jsonl"
    lines = whole.read_text().splitlines(keepends=True)

    def go_on(_: float) -> None:
        with whole.open("a") as file:
            number = len(lines)
            for index in range(number, 8):
                file.write(lines[0].replace(json.loads(lines[0])["id"], f"vz/{index}"))
        set_status(run, "finished")

    monkeypatch.setattr(watch.time, "sleep", go_on)
    with run.locked():
        assert main(["watch", str(run.path)]) == ExitCode.OK
    captured = capsys.readouterr()
    assert captured.out == f"{run.path} is finished: 8 of 8 samples are done\n"
    assert "r: 8/8 samples" in captured.err
    assert captured.err.rstrip().endswith("vz")


def test_a_killed_run_ends_the_watch_with_exit_code_1(run: RunFolder, capsys) -> None:
    assert main(["watch", str(run.path), "--json"]) == ExitCode.FAILED
    state = json.loads(capsys.readouterr().out)
    assert (state["state"], state["done"], state["total"]) == ("killed", 5, 8)


def test_what_is_no_run_cannot_be_watched(tmp_path: Path, capsys) -> None:
    assert main(["watch", str(tmp_path)]) == ExitCode.USAGE
    assert "manifest.json" in capsys.readouterr().err
