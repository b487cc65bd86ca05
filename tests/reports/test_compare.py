"""compare finds what was planted, finds nothing between a run and itself, and refuses unlike runs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mevis_bench.records import ExitCode, IncomparableError, NothingMeasuredError, UsageError
from mevis_bench.reports.compare import compare_runs
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.store.score_files import write_scores

RESULTS = Results(
    task="rvos",
    protocol="mevis_v2",
    metrics={"J&F": 0.5},
    counts={"expected": 240, "scored": 240, "missing": 0},
    split="valid_u",
    fingerprint="f00d",
    method={"name": "m", "variant": "v", "provenance": "trained-here"},
)


def scored(folder: Path, *, gain: float = 0.0, results: Results = RESULTS, samples: int = 240) -> Path:
    random = np.random.default_rng(7)
    scores = []
    for index in range(samples):
        value = float(random.uniform(0.2, 0.8))
        multi = index % 3 == 0
        bonus = gain if multi else 0.0
        groups = ("multi",) if multi else ("single",)
        scores.append(SampleScore(f"v{index // 8:02d}/{index % 8}", {"J": value + bonus, "N-acc": None}, groups))
    write_scores(folder, scores, results)
    return folder


def test_a_run_equals_itself(tmp_path: Path) -> None:
    run = scored(tmp_path / "a")
    comparison = compare_runs(run, run)
    assert comparison.changes == ()
    assert {entry.difference.effect for entry in comparison.differences} == {0.0}
    assert {entry.adjusted_p for entry in comparison.differences} == {1.0}


def test_a_planted_gain_is_found_where_it_was_planted(tmp_path: Path) -> None:
    comparison = compare_runs(scored(tmp_path / "a"), scored(tmp_path / "b", gain=0.05))
    by_slice = {entry.slice: entry for entry in comparison.differences}
    assert list(by_slice) == ["all", "multi", "single"]
    assert by_slice["multi"].difference.effect == pytest.approx(0.05)
    assert by_slice["multi"].adjusted_p < 0.01
    assert by_slice["single"].adjusted_p == 1.0
    assert len(comparison.changes) == 80
    assert not by_slice["multi"].small


def test_losses_come_first(tmp_path: Path) -> None:
    comparison = compare_runs(scored(tmp_path / "a", gain=0.05), scored(tmp_path / "b"))
    changes = [change.change for change in comparison.changes]
    assert changes == sorted(changes)
    assert changes[0] < 0


def test_samples_of_one_run_only_are_counted_and_left_out(tmp_path: Path) -> None:
    comparison = compare_runs(scored(tmp_path / "a"), scored(tmp_path / "b", samples=200))
    assert comparison.unpaired == 40
    assert comparison.differences[0].difference.samples == 200


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"fingerprint": "beef"}, "annotation files: f00d and beef"),
        ({"protocol": "mevis_v1"}, "protocol: mevis_v2 and mevis_v1"),
        ({"task": "avos"}, "task: rvos and avos"),
        ({"choices": {"missing": "zero"}}, "choices"),
    ],
)
def test_unlike_runs_are_refused(tmp_path: Path, change: dict[str, str], named: str) -> None:
    first, second = scored(tmp_path / "a"), scored(tmp_path / "b", results=replace(RESULTS, **change))
    with pytest.raises(IncomparableError, match=f"the runs differ in {named}") as raised:
        compare_runs(first, second)
    assert raised.value.exit_code == ExitCode.INCOMPARABLE == 4


def test_nothing_in_common(tmp_path: Path) -> None:
    first, second = scored(tmp_path / "a"), scored(tmp_path / "b", samples=0)
    with pytest.raises(NothingMeasuredError, match="no scored sample in common"):
        compare_runs(first, second)


def test_unknown_metric(tmp_path: Path) -> None:
    run = scored(tmp_path / "a")
    with pytest.raises(UsageError, match="metric 'G' is not in both runs\nMetrics of both: J"):
        compare_runs(run, run, metric="G")
