"""What ``make nightly`` does, on a tiny split with a fake method: it passes, and turns red when something is broken."""

import shutil
import sys
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.metrics import segmentation
from tests.tiny_split import write_fake_method, write_tiny_split

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
        """The next night is another process, which reads the code anew."""
        write_fake_method(self.methods, BROKEN)
        for name in [name for name in sys.modules if name.startswith("_mevis_bench_method_")]:
            del sys.modules[name]

    def run(self, *gate: str) -> int:
        shutil.rmtree(self.out, ignore_errors=True)
        assert main(["suite", str(self.suite), "--out", str(self.out)]) == 0
        runs = [str(path) for path in sorted(self.out.iterdir())]
        history = str(self.folder / "history.jsonl")
        assert main(["history", "add", *runs, "--file", history]) == 0
        assert main(["history", "page", "--file", history, "--out", str(self.out)]) == 0
        return main(["gate", *runs, "--expected", str(self.expected), "--out", str(self.out), *gate])


@pytest.fixture
def night(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Night:
    night = Night(tmp_path)
    assert night.run("--accept") == 0
    assert night.run() == 0
    capsys.readouterr()
    return night


def test_a_broken_method_is_red(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    night.break_method()
    assert night.run() == 1
    said = capsys.readouterr().out
    assert "gate FAILED (exit 1), percent" in said
    assert "more than 0.5 allowed" in said
    page = (night.out / "gate.md").read_text()
    attention, unchanged = page.split("<details>")
    assert "fake" in attention
    assert "J&F" in attention
    assert "empty" in unchanged


def test_a_broken_metric_is_red(
    night: Night, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = segmentation.region_j
    monkeypatch.setattr(segmentation, "region_j", lambda *args: whole(*args) * 0.8)
    assert night.run() == 1
    assert "gate FAILED (exit 1), percent" in capsys.readouterr().out


def test_a_night_without_results_measures_nothing(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(night.out)
    night.out.mkdir()
    assert main(["gate", str(night.out), "--expected", str(night.expected)]) == 3
    assert "nothing was scored here" in capsys.readouterr().out
