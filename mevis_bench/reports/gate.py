"""Regression check of scored runs against a committed baseline, for CI."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mevis_bench.metrics.metric import Metric
from mevis_bench.metrics.statistics import paired_difference
from mevis_bench.records import DataError, ExitCode, NothingMeasuredError
from mevis_bench.reports.consistency import (
    SampleValues,
    accepted_error,
    results_error,
    sample_values,
    tolerance_error,
)
from mevis_bench.schemas.baseline import AcceptedRun, Baseline
from mevis_bench.schemas.json_files import encode_document, read_json_file
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.store.run_folder import RunFolder
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
    INVALID = "invalid"
    INCOMPARABLE = "incomparable"


EXIT_CODES: Mapping[RegressionStatus, ExitCode] = {
    RegressionStatus.OK: ExitCode.OK,
    RegressionStatus.IMPROVED: ExitCode.OK,
    RegressionStatus.REGRESSED: ExitCode.FAILED,
    RegressionStatus.NOT_JUDGED: ExitCode.OK,
    RegressionStatus.NOT_MEASURED: ExitCode.NOTHING_MEASURED,
    RegressionStatus.INVALID: ExitCode.USAGE,
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
    hint = "Create one with `mevis-bench accept`."
    baseline = read_json_file(path, Baseline, hint)
    if "default" not in baseline.tolerance:
        raise DataError("missing key 'tolerance.default'", location=str(path), hint=hint)
    error = tolerance_error(baseline)
    if error is not None:
        raise DataError(error, location=str(path))
    return baseline


def baseline_text(runs: Sequence[Path], tolerance: Mapping[str, float]) -> str:
    """Return the text of a baseline of scored folders; sorted, so that an update is a readable diff.

    Raises:
        DataError: A folder's files contradict themselves, or two folders are of the same run.
        NothingMeasuredError: Not every sample of a run was scored.
    """
    accepted: dict[str, AcceptedRun] = {}
    for folder in runs:
        run = _read_run(folder)
        if run.error is not None or run.key in accepted:
            raise DataError(run.error or f"a second folder of {run.key}", location=str(folder))
        unscored = _unscored(run.results)
        if unscored is not None:
            raise NothingMeasuredError(unscored, location=str(folder), hint="Only complete runs can be a baseline.")
        results, samples = run.results, sample_values(run.scores, run.results.metrics)
        accepted[run.key] = AcceptedRun(
            results.fingerprint,
            results.protocol,
            dict(results.choices),
            dict(results.metrics),
            {name: dict(values) for name, values in samples.items()},
        )
    return encode_document(Baseline(dict(tolerance), accepted), indent=1, sort_keys=True)


def check_regressions(baseline: Baseline, runs: Sequence[Path]) -> tuple[GateEntry, ...]:
    """Compare scored folders with a baseline, run by run and metric by metric.

    A folder without ``results.json``, a baseline run without a folder and an empty baseline each give an entry
    ``NOT_MEASURED``; a folder whose run the baseline does not have, ``INCOMPARABLE``; numbers that contradict each
    other on either side, and two folders of one run, ``INVALID``.

    Raises:
        DataError: The files of a folder cannot be read.
        IncomparableError: A folder's run was predicted on another split than its results are of.
    """
    if not baseline.runs:
        return (_about_run("-", RegressionStatus.NOT_MEASURED, "the baseline has no runs"),)
    entries = []
    measured: dict[str, _ScoredFolder] = {}
    for folder in runs:
        if not (folder / "results.json").exists():
            entries.append(_about_run(str(folder), RegressionStatus.NOT_MEASURED, "the folder has no results.json"))
            continue
        run = _read_run(folder)
        if run.key in measured:
            reason = f"two folders are of this run: {measured[run.key].path} and {folder}"
            entries.append(_about_run(run.key, RegressionStatus.INVALID, reason))
        elif run.key not in baseline.runs:
            reason = "the baseline has no such run; store one with mevis-bench accept"
            entries.append(_about_run(run.key, RegressionStatus.INCOMPARABLE, reason))
        measured.setdefault(run.key, run)
    for key, accepted in sorted(baseline.runs.items()):
        error = accepted_error(key, accepted)
        if error is not None:
            entries.append(_about_run(key, RegressionStatus.INVALID, error))
        elif key not in measured:
            entries.append(_about_run(key, RegressionStatus.NOT_MEASURED, "the run is missing"))
        else:
            entries += _check_run(accepted, measured[key], baseline.tolerance)
    return tuple(entries)


@dataclass(frozen=True, slots=True)
class _ScoredFolder:
    path: Path
    key: str
    results: Results
    scores: Sequence[SampleScore]
    error: str | None


def _read_run(folder: Path) -> _ScoredFolder:
    results, scores, run = read_results(folder), read_scores(folder), RunFolder(folder)
    planned = run.read_manifest().identity.samples if run.manifest_path.is_file() else None
    return _ScoredFolder(folder, run_key(results), results, scores, results_error(results, scores, planned))


def _about_run(run: str, status: RegressionStatus, reason: str) -> GateEntry:
    return GateEntry(run, "-", None, None, status, reason)


def _unscored(results: Results) -> str | None:
    """Return that samples were not scored; ``None``: all were."""
    counts = results.counts
    if 0 < counts["expected"] == counts["scored"]:
        return None
    return f"{counts['scored']} of {counts['expected']} samples were scored"


def exit_code(entries: Sequence[GateEntry]) -> ExitCode:
    """Return the exit code of the worst status: invalid, incomparable, nothing measured, regressed, then ok."""
    order = (
        RegressionStatus.INVALID,
        RegressionStatus.INCOMPARABLE,
        RegressionStatus.NOT_MEASURED,
        RegressionStatus.REGRESSED,
    )
    statuses = {entry.status for entry in entries}
    return next((EXIT_CODES[status] for status in order if status in statuses), ExitCode.OK)


def _check_run(accepted: AcceptedRun, run: _ScoredFolder, tolerance: Mapping[str, float]) -> list[GateEntry]:
    key, results = run.key, run.results
    if run.error is not None:
        return [_about_run(key, RegressionStatus.INVALID, f"{run.path}: {run.error}")]
    for name, expected, actual in (
        ("annotation files", accepted.fingerprint, results.fingerprint),
        ("protocol", accepted.protocol, results.protocol),
        ("choices", dict(accepted.choices), dict(results.choices)),
    ):
        if expected != actual:
            return [_about_run(key, RegressionStatus.INCOMPARABLE, f"{name} differ: {expected} and {actual}")]
    unscored = _unscored(results)
    if unscored is not None:
        return [_about_run(key, RegressionStatus.NOT_MEASURED, unscored)]
    samples = sample_values(run.scores, results.metrics)
    other_samples = _other_samples(accepted, run.scores, samples)
    if other_samples is not None:
        return [_about_run(key, RegressionStatus.INCOMPARABLE, other_samples)]
    entries = []
    for name in sorted(accepted.metrics.keys() | results.metrics.keys()):
        metric = find_task(results.task).metric(name)
        old, new = accepted.metrics.get(name), results.metrics.get(name)
        if not metric.gated:
            outcome = RegressionStatus.NOT_JUDGED, "the metric is not gated"
        elif name not in accepted.metrics:
            outcome = RegressionStatus.NOT_JUDGED, "not in the baseline; add it with mevis-bench accept"
        else:
            allowed = tolerance.get(name, tolerance["default"])
            before, after = accepted.samples.get(name, {}), samples.get(name, {})
            lost = sorted(before.keys() - after.keys()) if metric.mean_of_samples and new is not None else []
            if lost:
                outcome = RegressionStatus.REGRESSED, f"is undefined for {lost[0]}"
            else:
                outcome = _check_value(metric, old, new, allowed, _paired_p(before, after))
        entries.append(GateEntry(key, name, old, new, *outcome))
    return entries


def _check_value(
    metric: Metric, old: float | None, new: float | None, allowed: float, p: float | None
) -> tuple[RegressionStatus, str]:
    if old is None:
        if new is None:
            return RegressionStatus.OK, "undefined in the baseline"
        return RegressionStatus.NOT_JUDGED, "undefined in the baseline; update it with mevis-bench accept"
    if new is None:
        return RegressionStatus.REGRESSED, "is undefined"
    points = f"{100 * (new - old):+.2f} points"
    change = metric.improvement(old, new)
    if change < -allowed:
        return RegressionStatus.REGRESSED, f"{points}, more than {100 * allowed:g} allowed"
    if change < 0 and p is not None and p < SIGNIFICANT:
        return RegressionStatus.REGRESSED, f"{points}, significant (p = {p:.4f})"
    if change > allowed:
        return RegressionStatus.IMPROVED, f"{points}; update the baseline with mevis-bench accept"
    return RegressionStatus.OK, points


def _paired_p(before: Mapping[str, float], after: Mapping[str, float]) -> float | None:
    """P-value of the paired change; ``None`` where no sample has the metric in both runs."""
    shared = sorted(before.keys() & after.keys())
    if not shared:
        return None
    changes = [after[sample] - before[sample] for sample in shared]
    return paired_difference(changes, [sample.rsplit("/", 1)[0] for sample in shared]).p


def _other_samples(accepted: AcceptedRun, scores: Sequence[SampleScore], samples: SampleValues) -> str | None:
    """Return which sample only one side has; ``None``: both have the same."""
    before = {sample for values in accepted.samples.values() for sample in values}
    missing = sorted(before - {score.sample for score in scores})
    if missing:
        return f"samples differ: {missing[0]} is only in the baseline"
    shared = accepted.samples.keys() & samples.keys()
    added = sorted({sample for name in shared for sample in samples[name]} - before)
    return f"samples differ: {added[0]} is not in the baseline" if added else None
