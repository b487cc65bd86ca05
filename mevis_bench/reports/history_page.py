"""Results over time as a page: one plot that can be zoomed and filtered, and the values as a table; works offline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from mevis_bench.files.atomic import atomic_write
from mevis_bench.metrics.slices import ALL_SAMPLES
from mevis_bench.records import UsageError
from mevis_bench.records.task_names import TASK_NAMES
from mevis_bench.reports.escaping import plain
from mevis_bench.reports.pages import PAGE_FILES, make_folder, render, write_data, write_files
from mevis_bench.schemas.history import HistoryEntry
from mevis_bench.tasks import find_task

MARKED_CHANGE = 0.01
"""A step of the all-samples value of at least this size, a fraction, is marked."""

PLOT_FILES = ("history.css", "history.js")
"""Style sheet and script of pages with a plot, besides Plotly's."""


@dataclass(frozen=True, slots=True)
class Trend:
    """The headline of one run over time.

    Attributes:
        run: ``<task>/<label>/<split>``.
        label: Method and variant.
        task: Name of the task; ``-``: unknown.
        split: Name of the split.
        metric: Name of the headline.
        values: Fractions, oldest first; at least one.
        date: Date of the newest one.
        commit: Its commit.
        steps: Date, commit and change of every step of at least ``MARKED_CHANGE``.
    """

    run: str
    label: str
    task: str
    split: str
    metric: str
    values: tuple[float, ...]
    date: str
    commit: str
    steps: tuple[tuple[str, str, float], ...]


def write_history_page(entries: Sequence[HistoryEntry], out: Path, *, home: str | None = None) -> Path:
    """Write ``history.html`` with the files it needs into a folder, and return its path.

    Args:
        entries: Oldest first; without any the page says so.
        out: The folder; created if missing.
        home: Address of the leaderboard; ``None``: there is none.

    Raises:
        UsageError: Plotly is not installed.
    """
    make_folder(out / "data" if make_folder(out) else out)
    write_plot_files(out)
    write_data(out / "data" / "history.js", "HISTORY = ", history_data(entries))
    page = render("history.html.jinja", root="", inline_styles=True, home=home, trends=trends(entries))
    atomic_write(out / "history.html", page)
    return out / "history.html"


def write_plot_files(out: Path) -> None:
    """Write the style sheets and scripts of pages with a plot, Plotly's own among them.

    Raises:
        UsageError: Plotly is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise UsageError("plots over time need plotly", hint="pip install 'mevis-bench[plots]'") from error
    write_files(out, *PAGE_FILES, *PLOT_FILES)
    atomic_write(out / "plotly.min.js", get_plotlyjs())


def history_data(entries: Sequence[HistoryEntry], *, by_slice: bool = False) -> Mapping[str, Any]:
    """Return the data of a plot.

    Args:
        entries: Oldest first.
        by_slice: Whether one run's slices are compared, rather than the runs of one slice.
    """
    runs = []
    for run in dict.fromkeys(entry.run for entry in sorted(entries, key=_run_order)):
        own = [entry for entry in entries if entry.run == run]
        task, label, split = _parts(run)
        names = dict.fromkeys(name for entry in own for name in entry.points)
        points = {
            plain(name): {
                plain(slice_name): [
                    [index, point.value, point.low, point.high]
                    for index, entry in enumerate(own)
                    if (point := entry.points.get(name, {}).get(slice_name)) is not None
                ]
                for slice_name in dict.fromkeys(each for entry in own for each in entry.points.get(name, {}))
            }
            for name in _ordered(task, names)
        }
        runs.append(
            {
                "label": plain(label),
                "group": plain(f"{task.upper()} on {split}"),
                "times": [plain(entry.time) for entry in own],
                "commits": [plain(entry.commit) for entry in own],
                "points": points,
                "raw": [name for name in names if task in TASK_NAMES and find_task(task).metric(name).unit == "raw"],
            }
        )
    return {"runs": runs, "all": ALL_SAMPLES, "bySlice": by_slice, "marked": MARKED_CHANGE}


def trends(entries: Sequence[HistoryEntry]) -> tuple[Trend, ...]:
    """Return the headline of every run over time; a run without one is left out."""
    found = []
    for run in dict.fromkeys(entry.run for entry in sorted(entries, key=_run_order)):
        task, label, split = _parts(run)
        metric = find_task(task).headlines[0] if task in TASK_NAMES else ""
        points = [
            (entry, point.value)
            for entry in entries
            if entry.run == run and (point := entry.points.get(metric, {}).get(ALL_SAMPLES)) is not None
        ]
        if not points:
            continue
        steps = tuple(
            (entry.time[:10], entry.commit, value - before)
            for (_, before), (entry, value) in pairwise(points)
            if abs(value - before) >= MARKED_CHANGE
        )
        last, values = points[-1][0], tuple(value for _, value in points)
        found.append(Trend(run, label, task, split, metric, values, last.time[:10], last.commit, steps))
    return tuple(found)


def _parts(run: str) -> tuple[str, str, str]:
    """Return task, label and split of a run's key; a key of another form is the label."""
    task, _, rest = run.partition("/")
    label, _, split = rest.rpartition("/")
    return (task, label, split) if label else ("-", run, "-")


def _run_order(entry: HistoryEntry) -> tuple[int, str]:
    task = _parts(entry.run)[0]
    return (TASK_NAMES.index(task) if task in TASK_NAMES else len(TASK_NAMES), entry.run)


def _ordered(task: str, names: Mapping[str, None]) -> list[str]:
    """Return metrics in the order of the task's columns, others after them."""
    columns = find_task(task).columns if task in TASK_NAMES else ()
    return [*(name for name in columns if name in names), *sorted(names.keys() - set(columns))]
