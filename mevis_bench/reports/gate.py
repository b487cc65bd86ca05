"""Regression check of scored runs against a committed baseline, for CI."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mevis_bench.metrics.metric import Metric
from mevis_bench.records import DataError, ExitCode
from mevis_bench.reports.statistics import paired_difference
from mevis_bench.schemas.baseline import AcceptedRun, Baseline
from mevis_bench.schemas.json_files import encode_document, read_json_file
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.store.score_files import read_results, read_scores
from mevis_bench.tasks import find_task

SIGNIFICANT = 0.01
"""A drop within the tolerance is still a regression when its paired p-value is below this."""

DEFAULT_TOLERANCE: Mapping[str, float] = {"default": 0.005}
"""Tolerance of a new baseline: half a point in every metric."""


class RegressionStatus(StrEnum):
    """Status of one metric of one run compared with the baseline."""

    OK = "ok"
    IMPROVED = "improved"
    REGRESSED = "regressed"
    NOT_JUDGED = "not judged"
    NOT_MEASURED = "nothing measured"
    INCOMPARABLE = "incomparable"


EXIT_CODES: Mapping[RegressionStatus, ExitCode] = {
    RegressionStatus.OK: ExitCode.OK,
    RegressionStatus.IMPROVED: ExitCode.OK,
    RegressionStatus.REGRESSED: ExitCode.FAILED,
    RegressionStatus.NOT_JUDGED: ExitCode.OK,
    RegressionStatus.NOT_MEASURED: ExitCode.NOTHING_MEASURED,
    RegressionStatus.INCOMPARABLE: ExitCode.INCOMPARABLE,
}


@dataclass(frozen=True, slots=True)
class GateEntry:
    """Regression status of one metric of one run.

    Attributes:
        run: ``<task>/<method>:<variant>/<split>``.
        metric: Metric name; ``-``: the entry is about the whole run.
        expected: The accepted value, a fraction; ``None``: undefined.
        measured: The new value.
        status: The outcome.
        reason: Explanation for people.
    """

    run: str
    metric: str
    expected: float | None
    measured: float | None
    status: RegressionStatus
    reason: str


def run_key(results: Results) -> str:
    """Return the key of a run in a baseline: ``<task>/<method>:<variant>/<split>``."""
    return f"{results.task}/{results.label}/{results.split}"


def read_baseline(path: Path) -> Baseline:
    """Read a baseline file.

    Raises:
        DataError: The file is missing or invalid.
    """
    hint = "Create one with `mevis-bench gate --accept`."
    baseline = read_json_file(path, Baseline, hint)
    if "default" not in baseline.tolerance:
        raise DataError("missing key 'tolerance.default'", location=str(path), hint=hint)
    return baseline


def baseline_text(runs: Sequence[Path], tolerance: Mapping[str, float]) -> str:
    """Return the text of a baseline of scored folders; sorted, so that an update is a readable diff."""
    accepted = {}
    for folder in runs:
        results = read_results(folder)
        samples = _per_sample(read_scores(folder), results.metrics)
        accepted[run_key(results)] = AcceptedRun(
            results.fingerprint, results.protocol, dict(results.choices), dict(results.metrics), samples
        )
    return encode_document(Baseline(dict(tolerance), accepted), indent=1, sort_keys=True)


def check_regressions(baseline: Baseline, runs: Sequence[Path]) -> tuple[GateEntry, ...]:
    """Compare scored folders with a baseline, run by run and metric by metric.

    A folder without ``results.json``, a baseline run without a folder and an empty baseline each give an entry
    ``NOT_MEASURED``.
    """
    measured = {}
    unscored = [folder for folder in runs if not (folder / "results.json").exists()]
    for folder in (folder for folder in runs if folder not in unscored):
        results = read_results(folder)
        measured[run_key(results)] = (results, read_scores(folder))
    if not baseline.runs:
        return (GateEntry("-", "-", None, None, RegressionStatus.NOT_MEASURED, "the baseline has no runs"),)
    entries = [
        GateEntry(str(folder), "-", None, None, RegressionStatus.NOT_MEASURED, "the folder has no results.json")
        for folder in unscored
    ]
    for key, accepted in sorted(baseline.runs.items()):
        if key not in measured:
            entries.append(GateEntry(key, "-", None, None, RegressionStatus.NOT_MEASURED, "the run is missing"))
        else:
            entries += _check_run(key, accepted, *measured[key], baseline.tolerance)
    return tuple(entries)


def exit_code(entries: Sequence[GateEntry]) -> ExitCode:
    """Return the exit code of the worst status: incomparable, then nothing measured, then regressed, then ok."""
    order = (RegressionStatus.INCOMPARABLE, RegressionStatus.NOT_MEASURED, RegressionStatus.REGRESSED)
    statuses = {entry.status for entry in entries}
    return next((EXIT_CODES[status] for status in order if status in statuses), ExitCode.OK)


def _check_run(
    key: str,
    accepted: AcceptedRun,
    results: Results,
    scores: Sequence[SampleScore],
    tolerance: Mapping[str, float],
) -> list[GateEntry]:
    for name, expected, actual in (
        ("annotation files", accepted.fingerprint, results.fingerprint),
        ("protocol", accepted.protocol, results.protocol),
        ("choices", dict(accepted.choices), dict(results.choices)),
    ):
        if expected != actual:
            return [
                GateEntry(
                    key, "-", None, None, RegressionStatus.INCOMPARABLE, f"{name} differ: {expected} and {actual}"
                )
            ]
    if results.counts["scored"] == 0 or results.counts["scored"] < results.counts["expected"]:
        reason = f"{results.counts['scored']} of {results.counts['expected']} samples were scored"
        return [GateEntry(key, "-", None, None, RegressionStatus.NOT_MEASURED, reason)]
    samples = _per_sample(scores, results.metrics)
    entries = []
    for name in sorted(accepted.metrics.keys() | results.metrics.keys()):
        metric = find_task(results.task).metric(name)
        old, new = accepted.metrics.get(name), results.metrics.get(name)
        if not metric.gated:
            outcome = RegressionStatus.NOT_JUDGED, "the metric is not gated"
        elif name not in accepted.metrics:
            outcome = RegressionStatus.NOT_JUDGED, "not in the baseline; add it with --accept"
        else:
            allowed = tolerance.get(name, tolerance["default"])
            p = _paired_p(accepted.samples.get(name, {}), samples.get(name, {}))
            outcome = _check_value(metric, old, new, allowed, p)
        entries.append(GateEntry(key, name, old, new, *outcome))
    return entries


def _check_value(
    metric: Metric, old: float | None, new: float | None, allowed: float, p: float | None
) -> tuple[RegressionStatus, str]:
    if old is None:
        return RegressionStatus.OK, "undefined in the baseline"
    if new is None:
        return RegressionStatus.REGRESSED, "is undefined"
    points = f"{100 * (new - old):+.2f} points"
    change = metric.improvement(old, new)
    if change < -allowed:
        return RegressionStatus.REGRESSED, f"{points}, more than {100 * allowed:g} allowed"
    if change < 0 and p is not None and p < SIGNIFICANT:
        return RegressionStatus.REGRESSED, f"{points}, significant (p = {p:.4f})"
    if change > allowed:
        return RegressionStatus.IMPROVED, f"{points}; update the baseline with --accept"
    return RegressionStatus.OK, points


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
