"""``make nightly`` and its workflow on a tiny split: pass, and fail when a method or metric is broken."""

import shutil
import sys
from pathlib import Path

import pytest
import yaml

from mevis_bench.cli.app import main
from mevis_bench.metrics import segmentation
from mevis_bench.reports.history import read_history
from scripts.run_workflow import Workflow
from tests.fixtures.tiny_split import write_fake_method, write_tiny_split
from tests.paths import ROOT

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
        assert main(["site", *runs, "--file", history, "--out", str(self.folder / "site")]) == 0
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


def jobs_of(path: Path) -> dict:
    return yaml.safe_load(path.read_text())["jobs"]


def test_the_site_is_published_after_a_failed_gate_too() -> None:
    jobs = jobs_of(ROOT / ".github" / "workflows" / "nightly.yml")
    uploads = [step for step in jobs["nightly"]["steps"] if "upload-pages-artifact" in step.get("uses", "")]
    assert [(step["if"], step["with"]["path"]) for step in uploads] == [("always()", "runs/nightly/site")]
    publish = jobs["publish"]
    assert (publish["needs"], publish["if"]) == ("nightly", "always()")
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}
    assert publish["environment"]["name"] == "github-pages"


@pytest.mark.slow
def test_a_night_of_the_workflow_continues_the_history_and_publishes_the_site(
    night: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workflow's own steps, after a night before and with a method that fails the gate."""
    checkout, state = tmp_path / "checkout", tmp_path / "state"
    (checkout / ".venv").mkdir(parents=True)
    (checkout / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, checkout)
    (checkout / ".venv" / "ready").touch()
    monkeypatch.setenv("MAKEFLAGS", f"SUITE={night.suite} EXPECTED={night.expected}")
    before = state / "caches" / "history-8" / "history.jsonl"
    before.parent.mkdir(parents=True)
    shutil.copy(night.folder / "history.jsonl", before)
    entries = read_history(before)
    night.break_method()
    job = jobs_of(ROOT / ".github" / "workflows" / "nightly.yml")["nightly"]
    assert not Workflow(checkout, state, 9).run(job)
    site = state / "artifacts" / "github-pages"
    assert read_history(site / "history.jsonl")[: len(entries)] == entries
    assert len(read_history(site / "history.jsonl")) == len(entries) + 2
    assert (site / "index.html").is_file()
    assert (state / "caches" / "history-9" / "history.jsonl").read_bytes() == (site / "history.jsonl").read_bytes()
    assert "more than 0.5 allowed" in (state / "summary.md").read_text()


def test_a_step_that_is_not_understood_is_an_error(tmp_path: Path) -> None:
    for step, message in (
        ({"uses": "actions/unknown@1"}, "unknown action"),
        ({"run": "true", "if": "success()"}, "unknown condition"),
        ({"uses": "actions/cache/save@1", "with": {"key": "${{ github.sha }}", "path": "."}}, "unknown expression"),
    ):
        with pytest.raises(ValueError, match=message):
            Workflow(tmp_path, tmp_path / "state", 1).run({"steps": [step]})
