"""Nightly results over time: one line a run appended to a file, one static page drawn from it."""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mevis_bench.records import DataError
from mevis_bench.reports.gate import run_key
from mevis_bench.reports.statistics import mean_interval
from mevis_bench.store.score_files import SampleScore, read_results, read_scores

WHOLE = "all"
"""The slice that holds every sample."""


@dataclass(frozen=True, slots=True)
class Point:
    """One value at one time.

    Attributes:
        value: A fraction.
        low: Lower end of its 95 % interval; ``None``: the metric is no mean over samples.
        high: Upper end.
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One run of one night.

    Attributes:
        run: ``<task>/<method>:<variant>/<split>``.
        commit: Commit of the code, short; ``-``: unknown.
        time: ISO 8601, UTC.
        points: By ``<metric>`` and slice.
    """

    run: str
    commit: str
    time: str
    points: Mapping[str, Mapping[str, Point]]


def entry_of(folder: Path, commit: str, time: str) -> HistoryEntry:
    """Condense one scored run: every aggregate, whole and by slice, with an interval where it is a mean."""
    results, scores = read_results(folder), read_scores(folder)
    points: dict[str, dict[str, Point]] = {}
    for part, metrics in ((WHOLE, results.metrics), *results.slices.items()):
        members = [score for score in scores if part == WHOLE or part in score.groups]
        for name in results.metrics:
            value = metrics.get(name)
            if value is not None:
                points.setdefault(name, {})[part] = _point(name, value, members)
    return HistoryEntry(run_key(results), commit, time, points)


def _point(name: str, value: float, scores: Sequence[SampleScore]) -> Point:
    """Give an aggregate its interval, if it is the mean of its samples (pooled counts, like HOTA's, are not)."""
    chosen = [(each, score.video) for score in scores if (each := score.values.get(name)) is not None]
    if not chosen:
        return Point(value, None, None)
    values, videos = zip(*chosen, strict=True)
    mean, low, high = mean_interval(values, videos)
    return Point(value, low, high) if abs(mean - value) < 1e-9 else Point(value, None, None)


def append(path: Path, entries: Sequence[HistoryEntry]) -> None:
    """Append entries to a history file, a line each; the file is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(asdict(entry), sort_keys=True) + "\n" for entry in entries)
    with path.open("a", encoding="utf-8") as file:
        file.write(lines)


def read_history(path: Path) -> tuple[HistoryEntry, ...]:
    """Read a history file, oldest first.

    Raises:
        DataError: The file is missing, or a line is broken; names the line.
    """
    entries = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(f"can't be read: {error.strerror}", location=str(path)) from error
    for number, line in enumerate(lines, 1):
        try:
            raw = json.loads(line)
            points = {
                name: {part: Point(**point) for part, point in parts.items()} for name, parts in raw["points"].items()
            }
            entries.append(HistoryEntry(raw["run"], raw["commit"], raw["time"], points))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError("this line is no history entry", location=f"{path}:{number}") from error
    return tuple(sorted(entries, key=lambda entry: entry.time))


def page(entries: Sequence[HistoryEntry], marked_change: float = 0.01) -> str:
    """Draw the history as one self-contained HTML page: a panel a run and metric, a line a slice.

    Args:
        entries: Oldest first; none give a page that says so.
        marked_change: A step of at least this size (a fraction) of the whole is marked.
    """
    panels = []
    for run in sorted({entry.run for entry in entries}):
        own = [entry for entry in entries if entry.run == run]
        panels.append(f"<h2>{html.escape(run)}</h2><div class='panels'>")
        panels += [
            _panel(name, own, marked_change) for name in sorted({name for entry in own for name in entry.points})
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
    ".whole{stroke:#2457d6;stroke-width:2.5;fill:none}.slice{stroke:#98a1b3;stroke-width:1;fill:none;opacity:.7}"
    ".band{fill:#2457d6;opacity:.13}.mark{fill:#d6336c}.dot{fill:#2457d6}.axis{stroke:light-dark(#e4e4e0,#2d323c)}"
)
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 390, 10, 150


def _panel(metric: str, entries: Sequence[HistoryEntry], marked_change: float) -> str:
    """Draw one metric of one run over time."""
    drawn = [
        f'<line class="axis" x1="{_LEFT}" x2="{_RIGHT}" y1="{_y(level):.1f}" y2="{_y(level):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{_y(level) + 4:.1f}" text-anchor="end">{100 * level:.0f}</text>'
        for level in (0.0, 0.5, 1.0)
    ]
    parts = {part for entry in entries for part in entry.points.get(metric, {})} - {WHOLE}
    for part in sorted(parts):
        drawn.append(_line(metric, part, entries, "slice"))
    drawn.append(_band(metric, entries))
    drawn.append(_line(metric, WHOLE, entries, "whole"))
    previous = None
    for index, entry in enumerate(entries):
        point = entry.points.get(metric, {}).get(WHOLE)
        if point is None:
            continue
        words = html.escape(f"{entry.time[:10]} {entry.commit}: {100 * point.value:.1f}")
        changed = previous is not None and abs(point.value - previous) >= marked_change
        x, y = _x(index, len(entries)), _y(point.value)
        name, radius = ("mark", 4) if changed else ("dot", 2.5)
        drawn.append(f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"><title>{words}</title></circle>')
        previous = point.value
    for x, anchor, entry in ((_LEFT, "start", entries[0]), (_RIGHT, "end", entries[-1])):
        words = html.escape(f"{entry.time[:10]} {entry.commit}")
        drawn.append(f'<text x="{x}" y="{_BOTTOM + 16}" text-anchor="{anchor}">{words}</text>')
    latest = entries[-1].points.get(metric, {}).get(WHOLE)
    now = "-" if latest is None else f"{100 * latest.value:.1f}"
    return (
        f"<figure><figcaption>{html.escape(metric)}: {now}</figcaption>"
        f'<svg viewBox="0 0 410 172" width="100%" role="img">{"".join(drawn)}</svg></figure>'
    )


def _line(metric: str, part: str, entries: Sequence[HistoryEntry], name: str) -> str:
    points = " ".join(
        f"{_x(index, len(entries)):.1f},{_y(point.value):.1f}"
        for index, entry in enumerate(entries)
        if (point := entry.points.get(metric, {}).get(part)) is not None
    )
    return f'<polyline class="{name}" points="{points}"><title>{html.escape(part)}</title></polyline>'


def _band(metric: str, entries: Sequence[HistoryEntry]) -> str:
    ends = [
        (_x(index, len(entries)), point.low, point.high)
        for index, entry in enumerate(entries)
        if (point := entry.points.get(metric, {}).get(WHOLE)) is not None
    ]
    lower = [f"{x:.1f},{_y(low):.1f}" for x, low, _ in ends if low is not None]
    upper = [f"{x:.1f},{_y(high):.1f}" for x, _, high in reversed(ends) if high is not None]
    return f'<polygon class="band" points="{" ".join(lower + upper)}"/>'


def _x(index: int, count: int) -> float:
    return _LEFT + (_RIGHT - _LEFT) * (index / (count - 1) if count > 1 else 0.5)


def _y(value: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * min(max(value, 0.0), 1.0)
