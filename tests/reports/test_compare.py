"""compare finds what was planted, finds nothing between a run and itself, and refuses unlike runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from mevis_bench.records import ExitCode, IncomparableError, NothingMeasuredError, UsageError
from mevis_bench.reports.compare import compare_runs
from tests.fixtures.scored_runs import RESULTS, scored_run


def test_a_run_equals_itself(tmp_path: Path) -> None:
    run = scored_run(tmp_path / "a")
    comparison = compare_runs(run, run)
    assert comparison.changes == ()
    assert {entry.difference.effect for entry in comparison.differences} == {0.0}
    assert {entry.adjusted_p for entry in comparison.differences} == {1.0}


def test_a_planted_gain_is_found_where_it_was_planted(tmp_path: Path) -> None:
    comparison = compare_runs(scored_run(tmp_path / "a"), scored_run(tmp_path / "b", gain=0.05))
    by_slice = {entry.slice: entry for entry in comparison.differences}
    assert list(by_slice) == ["all", "multi", "single"]
    assert by_slice["multi"].difference.effect == pytest.approx(0.05)
    assert by_slice["multi"].adjusted_p < 0.01
    assert by_slice["single"].adjusted_p == 1.0
    assert len(comparison.changes) == 80
    assert not by_slice["multi"].small


def test_losses_come_first(tmp_path: Path) -> None:
    comparison = compare_runs(scored_run(tmp_path / "a", gain=0.05), scored_run(tmp_path / "b"))
    changes = [change.change for change in comparison.changes]
    assert changes == sorted(changes)
    assert changes[0] < 0


def test_samples_of_one_run_only_are_counted_and_left_out(tmp_path: Path) -> None:
    comparison = compare_runs(scored_run(tmp_path / "a"), scored_run(tmp_path / "b", samples=200))
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
    first, second = (
        scored_run(tmp_path / "a"),
        scored_run(tmp_path / "b", results=replace(RESULTS, **change)),
    )
    with pytest.raises(IncomparableError, match=f"the runs differ in {named}") as raised:
        compare_runs(first, second)
    assert raised.value.exit_code == ExitCode.INCOMPARABLE == 4


def test_nothing_in_common(tmp_path: Path) -> None:
    first, second = scored_run(tmp_path / "a"), scored_run(tmp_path / "b", samples=0)
    with pytest.raises(NothingMeasuredError, match="no scored sample in common"):
        compare_runs(first, second)


def test_unknown_metric(tmp_path: Path) -> None:
    run = scored_run(tmp_path / "a")
    with pytest.raises(UsageError, match="metric 'G' is not in both runs\nMetrics of both: J"):
        compare_runs(run, run, metric="G")
