"""compare finds what was planted, finds nothing between a run and itself, and refuses unlike runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.records import ExitCode, IncomparableError, NothingMeasuredError, UsageError
from mevis_bench.reports.compare import compare_runs
from mevis_bench.schemas.scores import SampleScore
from mevis_bench.store.score_files import write_scores
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


def test_a_metric_that_is_better_when_lower_becomes_worse_when_it_grows(tmp_path: Path, capsys) -> None:
    results = replace(RESULTS, task="rmeg")
    runs = []
    for name, values in (("a", (0.0, 1.0, 0.0)), ("b", (1.0, 0.0, 0.0))):
        scores = [SampleScore(f"v{index}/0", {"repeated": value}) for index, value in enumerate(values)]
        write_scores(tmp_path / name, scores, results)
        runs.append(str(tmp_path / name))
    comparison = compare_runs(tmp_path / "a", tmp_path / "b", metric="repeated")
    assert [(change.sample, change.change) for change in comparison.changes] == [("v0/0", 1.0), ("v1/0", -1.0)]
    assert main(["compare", *runs, "--metric", "repeated"]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "1 samples worse, 1 better in repeated" in shown
    assert shown.index("v0/0") < shown.index("v1/0")


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


def test_counts_of_samples_are_no_metrics_and_the_headline_metric_ranks(tmp_path: Path) -> None:
    for name, gain in (("a", 0.0), ("b", 0.1)):
        rows = [
            SampleScore(f"v{k}/0", {"J": 0.3, "F": 0.5 + gain, "J&F": 0.4 + gain / 2, "targets": 1, "frames": 9})
            for k in range(8)
        ]
        write_scores(tmp_path / name, rows, RESULTS)
    comparison = compare_runs(tmp_path / "a", tmp_path / "b")
    assert comparison.metric == "J&F"
    assert {entry.metric for entry in comparison.differences} == {"J&F", "J", "F"}
    with pytest.raises(UsageError, match="metric 'frames' is not in both runs"):
        compare_runs(tmp_path / "a", tmp_path / "b", metric="frames")


def test_nothing_is_claimed_from_one_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in (("a", 0.2), ("b", 0.8)):
        write_scores(tmp_path / name, [SampleScore(f"v/{k}", {"J": value}, ("multi",)) for k in range(40)], RESULTS)
    comparison = compare_runs(tmp_path / "a", tmp_path / "b")
    assert {entry.adjusted_p for entry in comparison.differences} == {None}
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    printed = capsys.readouterr().out
    assert "+60.00" in printed
    assert "0.0001" not in printed
    assert "Fewer than 6 videos: no interval and no p-value (-), nothing can be claimed about a difference." in printed


def test_counts_are_printed_as_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, switches in (("a", 2.0), ("b", 5.0)):
        scores = [SampleScore(f"v{index}/0", {"HOTA": 0.25, "IDSW": switches}) for index in range(6)]
        write_scores(tmp_path / name, scores, replace(RESULTS, task="rmot"))
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--metric", "IDSW"]) == ExitCode.OK
    shown = capsys.readouterr().out
    row = next(line for line in shown.splitlines() if "IDSW (count)" in line)
    assert "+3.00" in row
    assert "6 samples worse, 0 better in IDSW\n" in shown
    assert "+300" not in shown
