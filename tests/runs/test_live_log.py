"""Live logs of runs: every sample, then the scores; nothing where no service is named."""

from pathlib import Path

import pytest

from mevis_bench.runs.live_log import LiveLog
from mevis_bench.schemas.samples import SampleStatus
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.store.score_files import read_results
from tests.fixtures.fake_logs import install_wandb
from tests.fixtures.runs import RecordingCallback
from tests.fixtures.scored_runs import constant_run


def _log(tmp_path: Path) -> RecordingCallback:
    seen = RecordingCallback()
    with LiveLog(seen, tmp_path) as log:
        log.on_run_start(RunFolder(tmp_path), 4, 2)
        log.on_sample_end(SampleStatus("va/0", "ok", 0.5, 0.25, 4))
        log.on_sample_end(SampleStatus("va/1", "failed", 0.1, 0.0, 4, "no", "trace"))
        log.add_scores(read_results(constant_run(tmp_path / "scored", j=0.7)))
    return seen


def test_samples_and_scores_are_logged_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = install_wandb(monkeypatch)
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    seen = _log(tmp_path)
    assert (seen.begun, seen.samples) == ((4, 2), ["va/0", "va/1"])
    assert run.started[0].id == f"{tmp_path.name}-predict"
    assert run.logged[:2] == [
        (3, {"samples": 3, "failed": 0, "seconds": 0.5}),
        (4, {"samples": 4, "failed": 1, "seconds": 0.1}),
    ]
    step, scores = run.logged[2]
    assert (step, scores["rvos/J"]) == (4, pytest.approx(0.7))
    assert run.finished


def test_nothing_is_sent_where_no_project_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = install_wandb(monkeypatch)
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    assert _log(tmp_path).samples == ["va/0", "va/1"]
    assert not run.started
