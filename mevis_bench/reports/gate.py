"""Has anything become worse than the accepted results? The verdict that CI acts on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mevis_bench.records import DataError, ExitCode
from mevis_bench.reports.statistics import paired_difference
from mevis_bench.reports.table import LOWER_IS_BETTER
from mevis_bench.store.score_files import Results, SampleScore, read_results, read_scores

SCHEMA = 1
SIGNIFICANT = 0.01
"""A fall within the tolerance still counts when its paired p-value is below this."""

DEFAULT_TOLERANCE: Mapping[str, float] = {"default": 0.005}
"""Half a point in every metric: what a first baseline tolerates."""


class Verdict(StrEnum):
    """What became of one metric of one run."""

    OK = "ok"
    IMPROVED = "improved"
    REGRESSED = "regressed"
    NOTHING = "nothing measured"
    INCOMPARABLE = "incomparable"


EXIT_CODES: Mapping[Verdict, ExitCode] = {
    Verdict.OK: ExitCode.OK,
    Verdict.IMPROVED: ExitCode.OK,
    Verdict.REGRESSED: ExitCode.FAILED,
    Verdict.NOTHING: ExitCode.NOTHING_MEASURED,
    Verdict.INCOMPARABLE: ExitCode.INCOMPARABLE,
}


@dataclass(frozen=True, slots=True)
class GateEntry:
    """One line of the verdict.

    Attributes:
        run: ``<task>/<method>:<variant>/<split>``.
        metric: Metric name, ``-`` for a verdict about the run as a whole.
        expected: The accepted value, a fraction; ``None``: undefined.
        measured: The new value.
        verdict: What became of it.
        reason: Why, in words.
    """

    run: str
    metric: str
    expected: float | None
    measured: float | None
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class AcceptedRun:
    """What was accepted of one run.

    Attributes:
        fingerprint: Fingerprint of the split's annotation files.
        protocol: Scoring protocol.
        choices: Every option that changes a number.
        metrics: Aggregate values.
        samples: Per-sample values by metric, for the paired test.
    """

    fingerprint: str
    protocol: str
    choices: Mapping[str, str]
    metrics: Mapping[str, float | None]
    samples: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The accepted results: the committed file ``configs/suites/<suite>.expected.json``.

    Attributes:
        tolerance: Allowed fall by metric, a fraction; ``default`` is for every metric not named.
        runs: Accepted runs by ``run_key``.
    """

    tolerance: Mapping[str, float]
    runs: Mapping[str, AcceptedRun]


def run_key(results: Results) -> str:
    """Name a run by what must stay the same from night to night."""
    return f"{results.task}/{results.label}/{results.split}"


def read_baseline(path: Path) -> Baseline:
    """Read the accepted results.

    Raises:
        DataError: The file is missing or not a baseline.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw["schema"] != SCHEMA:
            raise ValueError(f"schema {raw['schema']}, this version reads {SCHEMA}")
        tolerance = raw["tolerance"]
        if "default" not in tolerance:
            raise ValueError("tolerance names no default")
        return Baseline(tolerance, {key: AcceptedRun(**run) for key, run in raw["runs"].items()})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"not a baseline: {error}", location=str(path), hint="Make one with `mevis-bench gate --accept`."
        ) from error


def baseline_text(runs: Sequence[Path], tolerance: Mapping[str, float]) -> str:
    """Write the results of scored folders as a baseline; sorted, so that a renewal is a readable diff."""
    accepted = {}
    for folder in runs:
        results = read_results(folder)
        accepted[run_key(results)] = {
            "fingerprint": results.fingerprint,
            "protocol": results.protocol,
            "choices": dict(results.choices),
            "metrics": dict(results.metrics),
            "samples": _per_sample(read_scores(folder), results.metrics),
        }
    return (
        json.dumps({"schema": SCHEMA, "tolerance": dict(tolerance), "runs": accepted}, indent=1, sort_keys=True) + "\n"
    )


def judge(baseline: Baseline, runs: Sequence[Path]) -> tuple[GateEntry, ...]:
    """Hold folders against the accepted results, run by run and metric by metric; one without scores is told."""
    measured = {}
    unscored = [folder for folder in runs if not (folder / "results.json").exists()]
    for folder in (folder for folder in runs if folder not in unscored):
        results = read_results(folder)
        measured[run_key(results)] = (results, read_scores(folder))
    if not baseline.runs:
        return (GateEntry("-", "-", None, None, Verdict.NOTHING, "the baseline holds no run"),)
    entries = [
        GateEntry(str(folder), "-", None, None, Verdict.NOTHING, "nothing was scored here") for folder in unscored
    ]
    for key, accepted in sorted(baseline.runs.items()):
        if key not in measured:
            entries.append(GateEntry(key, "-", None, None, Verdict.NOTHING, "the run is not among the results"))
        else:
            entries += _judge_run(key, accepted, *measured[key], baseline.tolerance)
    return tuple(entries)


def exit_code(entries: Sequence[GateEntry]) -> ExitCode:
    """The worst verdict decides: incomparable before nothing measured before regressed before ok."""
    order = (Verdict.INCOMPARABLE, Verdict.NOTHING, Verdict.REGRESSED)
    verdicts = {entry.verdict for entry in entries}
    return next((EXIT_CODES[verdict] for verdict in order if verdict in verdicts), ExitCode.OK)


def _judge_run(
    key: str,
    accepted: AcceptedRun,
    results: Results,
    scores: Sequence[SampleScore],
    tolerance: Mapping[str, float],
) -> list[GateEntry]:
    for name, then, now in (
        ("annotation files", accepted.fingerprint, results.fingerprint),
        ("protocol", accepted.protocol, results.protocol),
        ("choices", dict(accepted.choices), dict(results.choices)),
    ):
        if then != now:
            return [GateEntry(key, "-", None, None, Verdict.INCOMPARABLE, f"{name} differ: {then} and {now}")]
    if results.counts["scored"] == 0 or results.counts["scored"] < results.counts["expected"]:
        reason = f"{results.counts['scored']} of {results.counts['expected']} samples were scored"
        return [GateEntry(key, "-", None, None, Verdict.NOTHING, reason)]
    samples = _per_sample(scores, results.metrics)
    entries = []
    for metric, old in sorted(accepted.metrics.items()):
        new = results.metrics.get(metric)
        allowed = tolerance.get(metric, tolerance["default"])
        p = _paired_p(accepted.samples.get(metric, {}), samples.get(metric, {}))
        entries.append(GateEntry(key, metric, old, new, *_judge_value(metric, old, new, allowed, p)))
    return entries


def _judge_value(
    metric: str, old: float | None, new: float | None, allowed: float, p: float | None
) -> tuple[Verdict, str]:
    if old is None:
        return Verdict.OK, "was undefined"
    if new is None:
        return Verdict.REGRESSED, "is undefined now"
    points = f"{100 * (new - old):+.2f} points"
    change = old - new if metric in LOWER_IS_BETTER else new - old
    if change < -allowed:
        return Verdict.REGRESSED, f"{points}, more than {100 * allowed:g} allowed"
    if change < 0 and p is not None and p < SIGNIFICANT:
        return Verdict.REGRESSED, f"{points}, significant (p = {p:.4f})"
    if change > allowed:
        return Verdict.IMPROVED, f"{points}; accept it to keep it"
    return Verdict.OK, points


def _paired_p(before: Mapping[str, float], after: Mapping[str, float]) -> float | None:
    """P-value of the paired change; ``None`` where no sample has the metric in both runs."""
    shared = sorted(before.keys() & after.keys())
    if not shared:
        return None
    changes = [after[sample] - before[sample] for sample in shared]
    return paired_difference(changes, [sample.rsplit("/", 1)[0] for sample in shared]).p


def _per_sample(scores: Sequence[SampleScore], metrics: Mapping[str, float | None]) -> dict[str, dict[str, float]]:
    """Per-sample values of the metrics that are means over samples, by metric and sample."""
    values: dict[str, dict[str, float]] = {}
    for score in scores:
        for name, value in score.values.items():
            if name in metrics and value is not None:
                values.setdefault(name, {})[score.sample] = value
    return values
