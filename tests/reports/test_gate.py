"""Regression check: status, reason and exit code."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mevis_bench.records import DataError, ExitCode
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
    assert "update the baseline with --accept" in next(entry.reason for entry in entries if entry.metric == "J")


def test_a_value_that_became_undefined_is_a_regression(baseline: Baseline, tmp_path: Path) -> None:
    result = statuses(baseline, constant_run(tmp_path / "now", change={"metrics": {"J": None, "N-acc": None}}))
    assert result == {"J": RegressionStatus.REGRESSED, "N-acc": RegressionStatus.OK}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"fingerprint": "beef"}, 4),
        ({"protocol": "mevis_v1"}, 4),
        ({"choices": {"missing": "zero"}}, 4),
        ({"counts": {"expected": 60, "scored": 0, "missing": 0}}, 3),
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
    strict.runs[KEY].samples.clear()  # type: ignore[attr-defined]
    assert statuses(strict, constant_run(tmp_path / "now", j=0.5))["J"] == RegressionStatus.OK
    assert statuses(Baseline({"default": 0.2, "J": 0.01}, strict.runs), constant_run(tmp_path / "x", j=0.5))["J"] == (
        RegressionStatus.REGRESSED
    )


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
