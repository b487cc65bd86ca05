"""cost: a finished run's figures as a table and as JSON; what has not ended, or is no run, is refused."""

import json
from pathlib import Path

import pytest

from mevis_bench.cli.app import main


@pytest.fixture
def finished(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    run = tmp_path / "run"
    assert main(["run", "--task", "rvos", "--method", "moving_region", "--limit", "2", "--out", str(run)]) == 0
    capsys.readouterr()
    return run


def test_cost_prints_what_the_manifest_holds(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    costs = json.loads((finished / "manifest.json").read_text())["costs"]
    assert main(["cost", str(finished), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"run": str(finished), **costs}]
    assert main(["cost", str(finished)]) == 0
    printed = capsys.readouterr().out
    for figure in (costs["fps_model"], costs["fps_end_to_end"], costs["peak_host_bytes"] / 2**30):
        assert f" {figure:,.2f} " in printed
    assert " - " in printed  # no parameters that could be counted
    assert "Frames of all answered samples" in printed


def test_a_run_that_has_not_ended_has_no_costs(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = finished / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "costs": {}}))
    assert main(["cost", str(finished)]) == 3
    assert "the run has not ended, so its costs are not known" in capsys.readouterr().err
    assert main(["cost", str(finished.parent)]) == 2
    assert "is no run folder: it has no manifest.json" in capsys.readouterr().err
