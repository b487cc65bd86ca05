"""``make nightly`` on a tiny split with a fake method: passes, and fails when a method or metric is broken."""

import shutil
import sys
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.metrics import segmentation
from tests.fixtures.tiny_split import write_fake_method, write_tiny_split

BROKEN = "def answer(setup, masks):\n    return MaskPrediction(np.zeros_like(masks))\n"


class Night:
    """The commands of the Makefile's ``nightly``."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out, self.expected = folder, folder / "nightly", folder / "expected.json"
        data = write_tiny_split(folder / "data" / "tiny").parent
        self.suite = folder / "suite.yaml"
        self.methods = write_fake_method(folder / "methods")
        location = f"data: {data}, split: tiny, method_dir: [{self.methods}]"
        runs = "\n".join(f"  - {{task: rvos, method: {name}, {location}}}" for name in ("fake", "empty"))
        self.suite.write_text(f"name: s\nruns:\n{runs}\n")

    def break_method(self) -> None:
        """Replace the method and drop its modules, as a new process would."""
        write_fake_method(self.methods, BROKEN)
        for name in [name for name in sys.modules if name.startswith("_mevis_bench_method_")]:
            del sys.modules[name]

    def run(self, command: str = "gate") -> int:
        shutil.rmtree(self.out, ignore_errors=True)
        assert main(["suite", str(self.suite), "--out", str(self.out)]) == 0
        runs = [str(path) for path in sorted(self.out.iterdir())]
        history = str(self.folder / "history.jsonl")
        assert main(["history", "add", *runs, "--file", history]) == 0
        assert main(["history", "page", "--file", history, "--out", str(self.out)]) == 0
        out = ["--out", str(self.out)] if command == "gate" else []
        return main([command, *runs, "--expected", str(self.expected), *out])


@pytest.fixture
def night(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Night:
    night = Night(tmp_path)
    assert night.run("accept") == 0
    assert night.run() == 0
    capsys.readouterr()
    return night


def test_a_broken_method_fails_the_gate(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    night.break_method()
    assert night.run() == 1
    output = capsys.readouterr().out
    assert "gate FAILED (exit 1), percent" in output
    assert "more than 0.5 allowed" in output
    page = (night.out / "gate.md").read_text()
    attention, unchanged = page.split("<details>")
    assert "fake" in attention
    assert "J&F" in attention
    assert "empty" in unchanged


def test_a_broken_metric_fails_the_gate(
    night: Night, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = segmentation.region_j
    monkeypatch.setattr(segmentation, "region_j", lambda *args: original(*args) * 0.8)
    assert night.run() == 1
    assert "gate FAILED (exit 1), percent" in capsys.readouterr().out


def test_a_night_without_results_measures_nothing(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(night.out)
    night.out.mkdir()
    assert main(["gate", str(night.out), "--expected", str(night.expected)]) == 3
    assert "the folder has no results.json" in capsys.readouterr().out
