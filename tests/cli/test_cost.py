"""``cost``: resource usage of a finished run as table and JSON; an unfinished run and other folders are errors."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.store.run_folder import RunFolder
from tests.fixtures.manifests import manifest


@pytest.fixture
def finished(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    run = tmp_path / "run"
    assert main(["run", "--task", "rvos", "--method", "moving_region", "--limit", "2", "--out", str(run)]) == 0
    capsys.readouterr()
    return run


def test_cost_prints_the_values_of_the_manifest(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    costs = json.loads((finished / "manifest.json").read_text())["costs"]
    assert main(["cost", str(finished), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"run": str(finished), **costs}]
    assert main(["cost", str(finished)]) == 0
    printed = capsys.readouterr().out
    for value in (costs["fps_model"], costs["fps_end_to_end"], costs["peak_host_bytes"] / 2**30):
        assert f" {value:,.2f} " in printed
    assert " - " in printed  # unknown number of parameters
    assert "Frames per second over all predicted samples" in printed


def test_an_unfinished_run_has_no_resource_usage(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = finished / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "costs": {}}))
    assert main(["cost", str(finished)]) == 3
    assert "run is not finished: its resource usage is not recorded yet" in capsys.readouterr().err
    assert main(["cost", str(finished.parent)]) == 2
    message = "not a run folder: it has no manifest.json\nSee mevis-bench status for the runs below runs/.\n"
    assert capsys.readouterr().err.endswith(message)


def test_unknown_costs_are_shown_as_a_dash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    RunFolder(tmp_path / "run").write_manifest(
        replace(manifest(), costs={"fps_model": "fast", "parameters": 2_000_000})
    )
    assert main(["cost", str(tmp_path / "run")]) == 0
    printed = capsys.readouterr().out
    assert "2.00" in printed
    assert "fast" not in printed
