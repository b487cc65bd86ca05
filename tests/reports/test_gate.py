"""Regression check: status, reason and exit code."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mevis_bench.cli.app import main
from mevis_bench.records import DataError, ExitCode, NothingMeasuredError
from mevis_bench.reports.consistency import accepted_error
from mevis_bench.reports.gate import (
    DEFAULT_TOLERANCE,
    RegressionStatus,
    baseline_text,
    check_regressions,
    exit_code,
    read_baseline,
)
from mevis_bench.reports.gate_files import to_json, to_junit, to_markdown
from mevis_bench.schemas.baseline import Baseline
from mevis_bench.schemas.scores import SampleScore
from mevis_bench.store.score_files import read_results, read_scores, write_scores
from tests.fixtures.scored_runs import constant_run

KEY = "rvos/lmpmpp:mini/valid_u"


@pytest.fixture
def baseline(tmp_path: Path) -> Baseline:
    path = tmp_path / "expected.json"
    path.write_text(baseline_text([constant_run(tmp_path / "accepted")], DEFAULT_TOLERANCE))
    return read_baseline(path)


def statuses(baseline: Baseline, *runs: Path) -> dict[str, RegressionStatus]:
    return {entry.metric: entry.status for entry in check_regressions(baseline, runs)}


def test_the_accepted_run_itself_passes(baseline: Baseline, tmp_path: Path) -> None:
    entries = check_regressions(baseline, [constant_run(tmp_path / "now")])
    assert {entry.status for entry in entries} == {RegressionStatus.OK}
    assert exit_code(entries) == ExitCode.OK


def test_a_drop_beyond_the_tolerance_is_a_regression(baseline: Baseline, tmp_path: Path) -> None:
    entries = check_regressions(baseline, [constant_run(tmp_path / "now", j=0.59)])
    assert exit_code(entries) == ExitCode.FAILED == 1
    assert [entry.reason for entry in entries if entry.metric == "J"] == ["-1.00 points, more than 0.5 allowed"]


def test_a_small_significant_drop_is_a_regression(baseline: Baseline, tmp_path: Path) -> None:
    entries = check_regressions(baseline, [constant_run(tmp_path / "now", j=0.598)])
    assert exit_code(entries) == ExitCode.FAILED
    assert "significant (p = 0.000" in next(entry.reason for entry in entries if entry.metric == "J")


def test_an_improvement_passes_and_suggests_an_update(baseline: Baseline, tmp_path: Path) -> None:
    entries = check_regressions(baseline, [constant_run(tmp_path / "now", j=0.7)])
    assert exit_code(entries) == ExitCode.OK
    assert "update the baseline with mevis-bench accept" in next(
        entry.reason for entry in entries if entry.metric == "J"
    )


def test_a_value_that_became_undefined_is_a_regression(baseline: Baseline, tmp_path: Path) -> None:
    folder = constant_run(tmp_path / "now", change={"metrics": {"J": None, "N-acc": None}})
    undefined = [SampleScore(score.sample, {"J": None}) for score in read_scores(folder)]
    write_scores(folder, undefined, read_results(folder))
    result = statuses(baseline, folder)
    assert result == {"J": RegressionStatus.REGRESSED, "N-acc": RegressionStatus.OK}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"fingerprint": "beef"}, 4),
        ({"protocol": "mevis_v1"}, 4),
        ({"choices": {"missing": "zero"}}, 4),
        ({"counts": {"expected": 60, "scored": 0, "missing": 60}}, 3),
        ({"counts": {"expected": 60, "scored": 59, "missing": 1}}, 3),
    ],
)
def test_incomparable_and_unscored_runs_never_pass(
    baseline: Baseline, tmp_path: Path, change: dict[str, object], code: int
) -> None:
    assert exit_code(check_regressions(baseline, [constant_run(tmp_path / "now", change=change)])) == code


def test_a_missing_run_and_an_empty_baseline_measure_nothing(baseline: Baseline) -> None:
    assert exit_code(check_regressions(baseline, [])) == ExitCode.NOTHING_MEASURED == 3
    assert exit_code(check_regressions(Baseline(DEFAULT_TOLERANCE, {}), [])) == ExitCode.NOTHING_MEASURED


def test_incomparable_outweighs_regressed(baseline: Baseline, tmp_path: Path) -> None:
    accepted = baseline.runs[KEY]
    both = Baseline(baseline.tolerance, {KEY: accepted, "avos/x:y/z": accepted})
    fallen = constant_run(tmp_path / "fallen", j=0.1)
    other = constant_run(
        tmp_path / "other",
        change={
            "task": "avos",
            "split": "z",
            "method": {"name": "x", "variant": "y", "provenance": "official"},
            "protocol": "mevis_v1",
        },
    )
    assert exit_code(check_regressions(both, [fallen, other])) == ExitCode.INCOMPARABLE == 4


def test_a_metric_may_have_its_own_tolerance(baseline: Baseline, tmp_path: Path) -> None:
    strict = Baseline({"default": 0.2}, baseline.runs)
    assert statuses(strict, constant_run(tmp_path / "now", j=0.5))["N-acc"] == RegressionStatus.OK
    assert statuses(Baseline({"default": 0.2, "J": 0.01}, strict.runs), constant_run(tmp_path / "x", j=0.5))["J"] == (
        RegressionStatus.REGRESSED
    )


def test_an_improvement_in_an_undefined_metric_is_shown(baseline: Baseline, tmp_path: Path) -> None:
    folder = constant_run(tmp_path / "now", change={"metrics": {"J": 0.6, "N-acc": 0.5}})
    rows = [
        SampleScore(one.sample, {**one.values, "N-acc": index % 2}) for index, one in enumerate(read_scores(folder))
    ]
    write_scores(folder, rows, read_results(folder))
    assert statuses(baseline, folder)["N-acc"] == RegressionStatus.NOT_JUDGED


def spoiled(folder: Path, change: Callable[[dict[str, Any], list[dict[str, Any]]], None]) -> Path:
    """Write the accepted run, then change ``results.json`` and the lines of ``scores.jsonl``."""
    constant_run(folder)
    results = json.loads((folder / "results.json").read_text())
    rows = [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]
    change(results, rows)
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "scores.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


RUN_ERRORS: dict[str, tuple[Callable[[dict[str, Any], list[dict[str, Any]]], object], str]] = {
    "NaN": (lambda results, rows: results["metrics"].update(J=float("nan")), "NaN is not a JSON number"),
    "infinity": (lambda results, rows: results["metrics"].update(J=float("inf")), "Infinity is not a JSON number"),
    "bool": (
        lambda results, rows: results["metrics"].update(J=True),
        "'metrics.J': expected a number >= -1e+12 and <= 1e+12, got true",
    ),
    "string": (
        lambda results, rows: results["metrics"].update(J="0.6"),
        "'metrics.J': expected a number >= -1e+12 and <= 1e+12, got '0.6'",
    ),
    "above": (lambda results, rows: results["metrics"].update(J=1.5), "J is 1.5, its range is 0 to 1"),
    "below": (lambda results, rows: results["metrics"].update(J=-0.1), "J is -0.1, its range is 0 to 1"),
    "unknown metric": (lambda results, rows: results["metrics"].update(K=0.5), "'K' is not a metric of rvos"),
    "counts": (lambda results, rows: results.update(counts={}), "'counts'"),
    "row NaN": (lambda results, rows: rows[0]["values"].update(J=float("nan")), "NaN is not a JSON number"),
    "row bool": (
        lambda results, rows: rows[0]["values"].update(J=True),
        "expected a number >= -1e+12 and <= 1e+12, got true",
    ),
    "row string": (
        lambda results, rows: rows[0]["values"].update(J="x"),
        "expected a number >= -1e+12 and <= 1e+12, got 'x'",
    ),
    "row range": (lambda results, rows: rows[0]["values"].update(J=2), "J of v0/0 is 2, its range is 0 to 1"),
    "row missing": (lambda results, rows: rows.pop(), "scores.jsonl has 59 samples, results.json counts 60"),
    "row twice": (lambda results, rows: rows.__setitem__(1, rows[0]), "sample v0/0 is in scores.jsonl twice"),
    "row unknown": (
        lambda results, rows: rows[0].update(sample="v0/9"),
        "samples differ: v0/0 is only in the baseline",
    ),
    "row contradicts": (
        lambda results, rows: rows[0]["values"].update(J=0.1),
        "J is 0.6, its samples have a mean of 0.59",
    ),
    "row undefined": (lambda results, rows: rows[0]["values"].update(J=None), "is undefined for v0/0"),
}


@pytest.mark.parametrize("error", RUN_ERRORS)
def test_numbers_that_cannot_be_right_never_pass(
    baseline: Baseline, tmp_path: Path, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change, message = RUN_ERRORS[error]
    folder = spoiled(tmp_path / "now", lambda results, rows: void(change(results, rows)))
    code = main(["gate", str(folder), "--expected", str(tmp_path / "expected.json")])
    captured = capsys.readouterr()
    assert code != 0
    assert message in captured.out + captured.err
    if "differ" not in message and "undefined" not in message:
        assert code == 2
        assert main(["accept", str(folder), "--expected", str(tmp_path / "new.json")]) == 2
        assert not (tmp_path / "new.json").exists()


def void(value: object) -> None:
    """Drop the value of a lambda."""


BASELINE_ERRORS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "NaN": (lambda run: run["metrics"].update(J=float("nan")), "NaN is not a JSON number"),
    "infinity": (lambda run: run["metrics"].update(J=float("-inf")), "-Infinity is not a JSON number"),
    "bool": (lambda run: run["metrics"].update(J=False), "expected a number, got false"),
    "string": (lambda run: run["metrics"].update(J="60"), "expected a number, got '60'"),
    "range": (lambda run: run["metrics"].update(J=60), "baseline: J is 60, its range is 0 to 1"),
    "unknown metric": (lambda run: run["metrics"].update(K=0.5), "baseline: 'K' is not a metric of rvos"),
    "row range": (lambda run: run["samples"]["J"].update({"v0/0": -1}), "baseline: J of v0/0 is -1"),
    "row missing": (lambda run: [run["samples"]["J"].pop(f"v{k}/0") for k in range(12)], "is not in the baseline"),
    "rows missing": (lambda run: run.update(samples={}), "baseline: J is 0.6, its samples have a mean of undefined"),
    "row unknown": (lambda run: run["samples"]["J"].update({"v0/9": 0.6}), "v0/9 is only in the baseline"),
    "unknown rows": (lambda run: run["samples"].update(K={"v0/0": 0.6}), "samples of 'K', which is not among"),
    "contradicts": (lambda run: run["metrics"].update(J=0.5), "baseline: J is 0.5, its samples have a mean of 0.6"),
}


@pytest.mark.parametrize("error", BASELINE_ERRORS)
@pytest.mark.usefixtures("baseline")
def test_a_baseline_that_cannot_be_right_never_passes(
    tmp_path: Path, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change, message = BASELINE_ERRORS[error]
    path = tmp_path / "expected.json"
    document = json.loads(path.read_text())
    change(document["runs"][KEY])
    path.write_text(json.dumps(document))
    assert main(["gate", str(constant_run(tmp_path / "now")), "--expected", str(path)]) != 0
    captured = capsys.readouterr()
    assert message in captured.out + captured.err


@pytest.mark.parametrize("value", ["NaN", "1e999", "-0.1", "2", "true", '"x"'])
def test_a_tolerance_is_a_share(tmp_path: Path, value: str) -> None:
    path = tmp_path / "x.expected.json"
    path.write_text(f'{{"schema": 1, "tolerance": {{"default": {value}}}, "runs": {{}}}}')
    with pytest.raises(DataError, match=r"x\.expected\.json"):
        read_baseline(path)


def test_a_tolerance_of_an_unknown_metric_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.expected.json"
    document = json.loads(baseline_text([constant_run(tmp_path / "a")], {"default": 0.005, "J&G": 0.1}))
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match=r"'tolerance\.J&G': no task of the baseline has this metric"):
        read_baseline(path)


def test_a_run_that_the_baseline_does_not_have_and_two_folders_of_one_run(baseline: Baseline, tmp_path: Path) -> None:
    known = constant_run(tmp_path / "now")
    method = {"name": "x", "variant": "y", "provenance": "official"}
    other = constant_run(tmp_path / "other", change={"method": method})
    entries = check_regressions(baseline, [known, other])
    assert [entry.reason for entry in entries if entry.status is RegressionStatus.INCOMPARABLE] == [
        "the baseline has no such run; store one with mevis-bench accept"
    ]
    twice = check_regressions(baseline, [known, constant_run(tmp_path / "twice")])
    assert exit_code(twice) == ExitCode.USAGE == 2
    assert "two folders are of this run" in next(e.reason for e in twice if e.status is RegressionStatus.INVALID)


def test_an_incomplete_run_is_no_baseline(tmp_path: Path) -> None:
    folder = constant_run(tmp_path / "now", change={"counts": {"expected": 60, "scored": 59, "missing": 1}})
    with pytest.raises(NothingMeasuredError, match="59 of 60 samples were scored"):
        baseline_text([folder], DEFAULT_TOLERANCE)


def test_the_shipped_baseline_is_consistent() -> None:
    path = Path(__file__).parents[2] / "configs" / "suites" / "nightly.expected.json"
    shipped = read_baseline(path)
    assert {key: accepted_error(key, accepted) for key, accepted in shipped.runs.items()} == dict.fromkeys(shipped.runs)


def test_files_agree(baseline: Baseline, tmp_path: Path) -> None:
    entries = check_regressions(baseline, [constant_run(tmp_path / "now", j=0.5)])
    assert to_markdown(entries).startswith("## Gate: FAILED (exit 1)\n\n1 ok, 1 regressed\n")
    assert "| ✗ | rvos/lmpmpp:mini/valid_u | J | 60.0 | 50.0 | -10.00 points" in to_markdown(entries)
    suite = ElementTree.fromstring(to_junit(entries))
    assert suite.attrib == {"name": "gate", "tests": "2", "failures": "1"}
    assert suite.findtext("testcase/failure") == "-10.00 points, more than 0.5 allowed"
    document = json.loads(to_json(entries))
    assert document["exit_code"] == 1
    assert [entry["status"] for entry in document["entries"]] == ["regressed", "ok"]
    assert [entry["verdict"] for entry in document["entries"]] == ["regressed", "ok"]  # former name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid JSON: Expecting value"),
        ("[]", "expected a mapping, got an empty list"),
        ('{"schema": 9}', "schema 9 is newer than this version reads (1)\nUpdate mevis-bench."),
        ('{"schema": 1, "tolerance": {}, "runs": {}}', "missing key 'tolerance.default'\nCreate one with"),
        (
            '{"schema": 1, "tolerance": {"default": 0}, "runs": {"a/b:c/d": {}}}',
            "missing key 'runs.a/b:c/d.fingerprint'\nCreate one with",
        ),
    ],
)
def test_an_invalid_baseline_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.expected.json"
    path.write_text(text)
    with pytest.raises(DataError, match="x.expected.json: " + re.escape(message)):
        read_baseline(path)
