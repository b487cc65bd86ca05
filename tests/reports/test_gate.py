"""The gate turns red for the right reasons, with the right exit code and words."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mevis_bench.records import DataError, ExitCode
from mevis_bench.reports.gate import (
    DEFAULT_TOLERANCE,
    Baseline,
    Verdict,
    baseline_text,
    exit_code,
    judge,
    read_baseline,
)
from mevis_bench.reports.gate_files import to_json, to_junit, to_markdown
from mevis_bench.store.score_files import Results, SampleScore, write_scores

KEY = "rvos/lmpmpp:mini/valid_u"


def run(folder: Path, *, j: float = 0.6, change: dict[str, object] | None = None) -> Path:
    results = Results(
        task="rvos",
        protocol="mevis_v2",
        metrics={"J": j, "N-acc": None},
        counts={"expected": 60, "scored": 60, "missing": 0},
        split="valid_u",
        fingerprint="f00d",
        method={"name": "lmpmpp", "variant": "mini", "provenance": "trained-here"},
    )
    scores = [SampleScore(f"v{index // 5}/{index % 5}", {"J": j}) for index in range(60)]
    write_scores(folder, scores, replace(results, **(change or {})))
    return folder


@pytest.fixture
def baseline(tmp_path: Path) -> Baseline:
    path = tmp_path / "expected.json"
    path.write_text(baseline_text([run(tmp_path / "accepted")], DEFAULT_TOLERANCE))
    return read_baseline(path)


def verdicts(baseline: Baseline, *runs: Path) -> dict[str, Verdict]:
    return {entry.metric: entry.verdict for entry in judge(baseline, runs)}


def test_the_accepted_run_itself_passes(baseline: Baseline, tmp_path: Path) -> None:
    entries = judge(baseline, [run(tmp_path / "now")])
    assert {entry.verdict for entry in entries} == {Verdict.OK}
    assert exit_code(entries) == ExitCode.OK


def test_a_fall_beyond_the_tolerance_is_red(baseline: Baseline, tmp_path: Path) -> None:
    entries = judge(baseline, [run(tmp_path / "now", j=0.59)])
    assert exit_code(entries) == ExitCode.FAILED == 1
    assert [entry.reason for entry in entries if entry.metric == "J"] == ["-1.00 points, more than 0.5 allowed"]


def test_a_small_fall_is_red_when_it_is_significant(baseline: Baseline, tmp_path: Path) -> None:
    entries = judge(baseline, [run(tmp_path / "now", j=0.598)])
    assert exit_code(entries) == ExitCode.FAILED
    assert "significant (p = 0.000" in next(entry.reason for entry in entries if entry.metric == "J")


def test_a_rise_passes_and_asks_to_be_accepted(baseline: Baseline, tmp_path: Path) -> None:
    entries = judge(baseline, [run(tmp_path / "now", j=0.7)])
    assert exit_code(entries) == ExitCode.OK
    assert "accept it to keep it" in next(entry.reason for entry in entries if entry.metric == "J")


def test_a_value_that_became_undefined_is_red(baseline: Baseline, tmp_path: Path) -> None:
    found = verdicts(baseline, run(tmp_path / "now", change={"metrics": {"J": None, "N-acc": None}}))
    assert found == {"J": Verdict.REGRESSED, "N-acc": Verdict.OK}


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
def test_what_cannot_be_judged_never_passes(
    baseline: Baseline, tmp_path: Path, change: dict[str, object], code: int
) -> None:
    assert exit_code(judge(baseline, [run(tmp_path / "now", change=change)])) == code


def test_a_missing_run_and_an_empty_baseline_measure_nothing(baseline: Baseline) -> None:
    assert exit_code(judge(baseline, [])) == ExitCode.NOTHING_MEASURED == 3
    assert exit_code(judge(Baseline(DEFAULT_TOLERANCE, {}), [])) == ExitCode.NOTHING_MEASURED


def test_incomparable_outweighs_regressed(baseline: Baseline, tmp_path: Path) -> None:
    accepted = baseline.runs[KEY]
    both = Baseline(baseline.tolerance, {KEY: accepted, "avos/x:y/z": accepted})
    fallen = run(tmp_path / "fallen", j=0.1)
    other = run(
        tmp_path / "other",
        change={
            "task": "avos",
            "split": "z",
            "method": {"name": "x", "variant": "y", "provenance": "official"},
            "protocol": "mevis_v1",
        },
    )
    assert exit_code(judge(both, [fallen, other])) == ExitCode.INCOMPARABLE == 4


def test_a_metric_may_have_its_own_tolerance(baseline: Baseline, tmp_path: Path) -> None:
    strict = Baseline({"default": 0.2}, baseline.runs)
    strict.runs[KEY].samples.clear()  # type: ignore[attr-defined]
    assert verdicts(strict, run(tmp_path / "now", j=0.5))["J"] == Verdict.OK
    assert verdicts(Baseline({"default": 0.2, "J": 0.01}, strict.runs), run(tmp_path / "x", j=0.5))["J"] == (
        Verdict.REGRESSED
    )


def test_files_say_the_same(baseline: Baseline, tmp_path: Path) -> None:
    entries = judge(baseline, [run(tmp_path / "now", j=0.5)])
    assert to_markdown(entries).startswith("## Gate: FAILED (exit 1)\n\n1 ok, 1 regressed\n")
    assert "| ✗ | rvos/lmpmpp:mini/valid_u | J | 60.0 | 50.0 | -10.00 points" in to_markdown(entries)
    suite = ElementTree.fromstring(to_junit(entries))
    assert suite.attrib == {"name": "gate", "tests": "2", "failures": "1"}
    assert suite.findtext("testcase/failure") == "-10.00 points, more than 0.5 allowed"
    assert json.loads(to_json(entries))["exit_code"] == 1


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 9}', '{"schema": 1, "tolerance": {}, "runs": {}}'])
def test_a_file_that_is_no_baseline_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.expected.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"x\.expected\.json: not a baseline: .*\nMake one with"):
        read_baseline(path)
