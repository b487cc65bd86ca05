"""Results over time: a JSONL file with one line per run and date."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mevis_bench.files.atomic import atomic_write
from mevis_bench.metrics.slices import ALL_SAMPLES
from mevis_bench.metrics.statistics import mean_interval
from mevis_bench.records import DataError
from mevis_bench.reports.consistency import results_error
from mevis_bench.reports.gate import run_key
from mevis_bench.schemas.history import HistoryEntry, Point
from mevis_bench.schemas.json_files import encode_line, read_json_lines
from mevis_bench.schemas.scores import SampleScore
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.store.score_files import read_results, read_scores


def make_entry(folder: Path) -> HistoryEntry:
    """Return the entry of one scored folder: every aggregate by slice, with an interval where it is a mean.

    The time is that of the run's end, for other predictions that of scoring, so the same run has the same entry.

    Args:
        folder: A scored folder.

    Raises:
        DataError: The folder's files cannot be read, or its numbers contradict each other.
        IncomparableError: The run was predicted on another split than its results are of.
    """
    results, scores, run = read_results(folder), read_scores(folder), RunFolder(folder)
    manifest = run.read_manifest() if run.manifest_path.is_file() else None
    error = results_error(results, scores, None if manifest is None else manifest.identity.samples)
    if error is not None:
        raise DataError(error, location=str(folder))
    scored = datetime.fromtimestamp((folder / "results.json").stat().st_mtime, UTC).isoformat(timespec="seconds")
    commit = None if manifest is None else manifest.commit
    time = scored if manifest is None else manifest.finished or manifest.started
    points: dict[str, dict[str, Point]] = {}
    for slice_name, metrics in ((ALL_SAMPLES, results.metrics), *results.slices.items()):
        members = [score for score in scores if slice_name in (ALL_SAMPLES, *score.groups)]
        for name in results.metrics:
            value = metrics.get(name)
            if value is not None:
                points.setdefault(name, {})[slice_name] = _point(name, value, members)
    return HistoryEntry(run_key(results), (commit or "-")[:9], time, points)


def _point(name: str, value: float, scores: Sequence[SampleScore]) -> Point:
    """Return an aggregate with its interval if it is the mean of its samples; pooled metrics such as HOTA are not."""
    defined = [(sample, score.video) for score in scores if (sample := score.values.get(name)) is not None]
    if not defined:
        return Point(value, None, None)
    values, videos = zip(*defined, strict=True)
    mean, low, high = mean_interval(values, videos)
    return Point(value, low, high) if abs(mean - value) < 1e-9 else Point(value, None, None)


def add(path: Path, entries: Sequence[HistoryEntry]) -> int:
    """Add entries to a history file, one line each, and return the number of new runs; the file is created if missing.

    A run is added once: an entry of the same run and time is replaced.

    Raises:
        DataError: The file is invalid.
    """
    before = read_json_lines(path, HistoryEntry) if path.exists() else ()
    by_run = {(entry.run, entry.time): entry for entry in (*before, *entries)}
    if tuple(by_run.values()) != before:
        atomic_write(path, "".join(encode_line(entry) for entry in by_run.values()))
    return len(by_run) - len({(entry.run, entry.time) for entry in before})


def read_history(path: Path) -> tuple[HistoryEntry, ...]:
    """Read a history file, oldest first.

    Raises:
        DataError: The file is missing, or a line is invalid; names the line.
    """
    return tuple(sorted(read_json_lines(path, HistoryEntry), key=lambda entry: entry.time))
