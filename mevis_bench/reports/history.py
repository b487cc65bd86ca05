"""Results over time: a JSONL file with one line per run and date, and a static page of plots."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mevis_bench.files.atomic import atomic_write
from mevis_bench.metrics.slices import ALL_SAMPLES
from mevis_bench.records import DataError
from mevis_bench.reports.consistency import results_error
from mevis_bench.reports.escaping import html_text
from mevis_bench.reports.gate import run_key
from mevis_bench.reports.statistics import mean_interval
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


def page(entries: Sequence[HistoryEntry], marked_change: float = 0.01) -> str:
    """Return the history as one self-contained HTML page: one panel per run and metric, one line per slice.

    Args:
        entries: Oldest first; an empty sequence gives a page without panels.
        marked_change: A step of the all-samples value of at least this size, a fraction, is marked.
    """
    panels = []
    for run in sorted({entry.run for entry in entries}):
        run_entries = [entry for entry in entries if entry.run == run]
        panels.append(f"<h2>{html_text(run)}</h2><div class='panels'>")
        panels += [
            _panel(name, run_entries, marked_change)
            for name in sorted({name for entry in run_entries for name in entry.points})
        ]
        panels.append("</div>")
    body = "".join(panels) or "<p>No entries yet.</p>"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>mevis-bench over time</title>'
        f"<style>{_STYLE}</style><h1>mevis-bench over time</h1><p>Bold: all samples, with the 95 % interval of the "
        f"mean. Thin: slices. ● a step of at least {100 * marked_change:g} points.</p>{body}</html>\n"
    )


_STYLE = (
    "body{font:15px/1.5 system-ui,'DejaVu Sans',sans-serif;margin:28px auto;max-width:1280px;padding:0 24px;"
    "background:light-dark(#fbfbfa,#14161b);color:light-dark(#1d2129,#e7e9ee);color-scheme:light dark}"
    ".panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(380px,1fr));gap:18px}"
    "figure{margin:0;border:1px solid light-dark(#e4e4e0,#2d323c);border-radius:10px;padding:12px 14px}"
    "figcaption{font-weight:600}text{font-size:11px;fill:light-dark(#667085,#98a1b3)}"
    ".all{stroke:#2457d6;stroke-width:2.5;fill:none}.slice{stroke:#98a1b3;stroke-width:1;fill:none;opacity:.7}"
    ".band{fill:#2457d6;opacity:.13}.mark{fill:#d6336c}.dot{fill:#2457d6}.axis{stroke:light-dark(#e4e4e0,#2d323c)}"
)
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 390, 10, 150


def _panel(metric: str, entries: Sequence[HistoryEntry], marked_change: float) -> str:
    """Return the panel of one metric of one run."""
    shapes = [
        f'<line class="axis" x1="{_LEFT}" x2="{_RIGHT}" y1="{_y(level):.1f}" y2="{_y(level):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{_y(level) + 4:.1f}" text-anchor="end">{100 * level:.0f}</text>'
        for level in (0.0, 0.5, 1.0)
    ]
    slices = {name for entry in entries for name in entry.points.get(metric, {})} - {ALL_SAMPLES}
    for name in sorted(slices):
        shapes.append(_line(metric, name, entries, "slice"))
    shapes.append(_band(metric, entries))
    shapes.append(_line(metric, ALL_SAMPLES, entries, "all"))
    previous = None
    for index, entry in enumerate(entries):
        point = entry.points.get(metric, {}).get(ALL_SAMPLES)
        if point is None:
            continue
        label = html_text(f"{entry.time[:10]} {entry.commit}: {100 * point.value:.1f}")
        changed = previous is not None and abs(point.value - previous) >= marked_change
        x, y = _x(index, len(entries)), _y(point.value)
        style, radius = ("mark", 4) if changed else ("dot", 2.5)
        shapes.append(f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"><title>{label}</title></circle>')
        previous = point.value
    for x, anchor, entry in ((_LEFT, "start", entries[0]), (_RIGHT, "end", entries[-1])):
        label = html_text(f"{entry.time[:10]} {entry.commit}")
        shapes.append(f'<text x="{x}" y="{_BOTTOM + 16}" text-anchor="{anchor}">{label}</text>')
    latest = entries[-1].points.get(metric, {}).get(ALL_SAMPLES)
    now = "-" if latest is None else f"{100 * latest.value:.1f}"
    return (
        f"<figure><figcaption>{html_text(metric)}: {now}</figcaption>"
        f'<svg viewBox="0 0 410 172" width="100%" role="img">{"".join(shapes)}</svg></figure>'
    )


def _line(metric: str, slice_name: str, entries: Sequence[HistoryEntry], style: str) -> str:
    points = " ".join(
        f"{_x(index, len(entries)):.1f},{_y(point.value):.1f}"
        for index, entry in enumerate(entries)
        if (point := entry.points.get(metric, {}).get(slice_name)) is not None
    )
    return f'<polyline class="{style}" points="{points}"><title>{html_text(slice_name)}</title></polyline>'


def _band(metric: str, entries: Sequence[HistoryEntry]) -> str:
    ends = [
        (_x(index, len(entries)), point.low, point.high)
        for index, entry in enumerate(entries)
        if (point := entry.points.get(metric, {}).get(ALL_SAMPLES)) is not None
    ]
    lower = [f"{x:.1f},{_y(low):.1f}" for x, low, _ in ends if low is not None]
    upper = [f"{x:.1f},{_y(high):.1f}" for x, _, high in reversed(ends) if high is not None]
    return f'<polygon class="band" points="{" ".join(lower + upper)}"/>'


def _x(index: int, count: int) -> float:
    return _LEFT + (_RIGHT - _LEFT) * (index / (count - 1) if count > 1 else 0.5)


def _y(value: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * min(max(value, 0.0), 1.0)
