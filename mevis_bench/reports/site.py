"""A site of results that opens from disk: leaderboard, results over time, one page per method, one gallery per run."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mevis_bench.files.atomic import atomic_write
from mevis_bench.methods.registry import find_methods
from mevis_bench.metrics.statistics import bootstrap_means
from mevis_bench.records import MevisBenchError
from mevis_bench.records.task_names import TASK_NAMES
from mevis_bench.reports.gallery import GallerySummary, build_gallery
from mevis_bench.reports.gate import run_key
from mevis_bench.reports.history_page import history_data, trends, write_history_page, write_plot_files
from mevis_bench.reports.leaderboard import rule_of_tiers, tiers
from mevis_bench.reports.pages import make_folder, render, write_data
from mevis_bench.reports.picture import render_samples
from mevis_bench.reports.run_view import ScoredRun
from mevis_bench.reports.table import PROVENANCES, Table, build_table, describe_setting, provenance_of
from mevis_bench.schemas.history import HistoryEntry
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.tasks import find_task


@dataclass(frozen=True, slots=True)
class RunPages:
    """One run in the site.

    Attributes:
        results: Its aggregate.
        scores: Scores of its samples.
        key: ``<task>/<label>/<split>``.
        gallery: Address of its gallery, from the leaderboard.
        picture: Address of its picture, from the leaderboard.
        summary: What its gallery has.
    """

    results: Results
    scores: Sequence[SampleScore]
    key: str
    gallery: str
    picture: str
    summary: GallerySummary

    @property
    def title(self) -> str:
        """Task and split, with the bridge or the perturbation where there is one."""
        results = self.results
        _, via, bridge = results.label.partition(" via ")
        return f"{results.task.upper()} on {results.split}{via}{bridge}"

    @property
    def score(self) -> str:
        """Name of the score that its samples are ranked by."""
        return find_task(self.results.task).sample_title

    @property
    def table(self) -> Table:
        """Its results as a table of one row."""
        return build_table(self.results.task, [self.results], [self.scores])


def build_site(
    runs: Sequence[ScoredRun],
    entries: Sequence[HistoryEntry],
    out: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Sequence[RunPages]:
    """Write the site into a folder.

    Args:
        runs: Scored runs of any tasks.
        entries: Results over time, oldest first.
        out: The folder; created if missing.
        progress: Called with (runs done, runs in total).

    Returns:
        One entry per run.

    Raises:
        DataError: A prediction cannot be read.
        UsageError: Plotly is not installed.
    """
    make_folder(out)
    write_plot_files(out)
    for name in ("runs", "methods", "pictures"):
        make_folder(out / name)
    names = _Names()
    pages = []
    for scored in runs:
        pages.append(_run_pages(scored, out, names.unique(run_key(scored.results))))
        progress(len(pages), len(runs))
    by_method: dict[str, list[RunPages]] = {}
    for page in sorted(pages, key=lambda page: TASK_NAMES.index(page.results.task)):
        by_method.setdefault(_method(page.results), []).append(page)
    slugs = _Names()
    links = {method: slugs.unique(method) for method in by_method}
    write_history_page(entries, out, home="index.html")
    for method, own in by_method.items():
        _write_method(method, own, entries, out / "methods" / links[method])
    atomic_write(out / "index.html", _leaderboard(pages, entries, links))
    return pages


class _Names:
    """File names of texts: safe, and no two the same."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def unique(self, text: str) -> str:
        """Return a new name of ASCII letters, digits and dashes."""
        base = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()[:80] or "unnamed"
        name = next(each for each in (base, *(f"{base}-{n}" for n in range(2, 10_000))) if each not in self._taken)
        self._taken.add(name)
        return name


def _method(results: Results) -> str:
    """Return method and variant, without bridge and perturbation."""
    return f"{results.method['name']}:{results.method['variant']}" if results.method else results.label


def _run_pages(scored: ScoredRun, out: Path, name: str) -> RunPages:
    summary = build_gallery(scored, out / "runs" / name, home="../../index.html")
    order = sorted(range(len(summary.scores)), key=lambda index: summary.scores[index])
    shown = dict.fromkeys(order[min(len(order) - 1, len(order) * part // 4)] for part in (3, 2, 1))
    image = render_samples(scored, [summary.ids[index] for index in shown])
    content = io.BytesIO()
    image.save(content, "JPEG", quality=85)
    atomic_write(out / "pictures" / f"{name}.jpg", content.getvalue(), durable=False)
    key = run_key(scored.results)
    return RunPages(scored.results, scored.scores, key, f"runs/{name}/index.html", f"pictures/{name}.jpg", summary)


def _leaderboard(pages: Sequence[RunPages], entries: Sequence[HistoryEntry], links: Mapping[str, str]) -> str:
    by_key = {trend.run: trend for trend in trends(entries)}
    tasks = []
    for name in TASK_NAMES:
        # The order of the table's rows, within a provenance by setting, the best first.
        own = sorted((page for page in pages if page.results.task == name), key=_rank)
        if not own:
            continue
        by_page = run_tiers(own)
        table = build_table(name, [page.results for page in own], [page.scores for page in own])
        task = find_task(name)
        shown = [
            column
            for column in table.columns
            if column.paper_name is not None or column.name in task.headlines or task.named_metric(column.name)
        ]
        rows = [
            (
                row,
                page,
                f"methods/{links[_method(page.results)]}/index.html",
                by_key.get(page.key),
                by_page.get(page.gallery),
            )
            for row, page in zip(table.rows, own, strict=True)
        ]
        tasks.append((task, table, shown, rows, rule_of_tiers(task.ranking) if by_page else ""))
    newest = max(entries, key=lambda entry: entry.time) if entries else None
    return render("leaderboard.html.jinja", root="", inline_styles=False, tasks=tasks, newest=newest)


def _rank(page: RunPages) -> tuple[int, str, float]:
    headline = page.results.metrics.get(find_task(page.results.task).headlines[0])
    place = 0.0 if headline is None else -headline
    return PROVENANCES.index(provenance_of(page.results)), describe_setting(page.results), place


def run_tiers(pages: Sequence[RunPages]) -> dict[str, int]:
    """Return the tiers of unperturbed runs of one task within their setting, by gallery; see ``leaderboard.tiers``."""
    groups: dict[tuple[str, ...], list[tuple[str, NDArray[np.float64]]]] = {}
    for page in pages:
        scores = sorted(page.scores, key=lambda score: score.sample)
        values = [score.values.get(find_task(page.results.task).ranking) for score in scores]
        if not page.results.perturbation and values and None not in values:
            key = (describe_setting(page.results), *(score.sample for score in scores))
            groups.setdefault(key, []).append((page.gallery, np.array(values, np.float64)))
    found: dict[str, int] = {}
    for (_, *samples), rows in groups.items():
        rows.sort(key=lambda row: -row[1].mean())
        means = bootstrap_means([values for _, values in rows], [sample.rpartition("/")[0] for sample in samples])
        if len(rows) > 1 and means is not None:
            found |= dict(zip((gallery for gallery, _ in rows), tiers(means), strict=True))
    return found


def _write_method(method: str, pages: Sequence[RunPages], entries: Sequence[HistoryEntry], out: Path) -> None:
    make_folder(out)
    make_folder(out / "data")
    keys = {page.key for page in pages}
    own = [entry for entry in entries if entry.run in keys]
    write_data(out / "data" / "history.js", "HISTORY = ", history_data(own, by_slice=True))
    page = render(
        "method.html.jinja",
        root="../../",
        inline_styles=True,
        method=method,
        facts={"provenance": provenance_of(pages[0].results), **_facts(pages[0].results)},
        pages=pages,
        has_history=bool(own),
    )
    atomic_write(out / "index.html", page)


def _facts(results: Results) -> Mapping[str, str]:
    """Return what ``method.yaml`` says of a run's method; nothing where this installation does not have it."""
    if not results.method:
        return {}
    try:
        found = find_methods().resolve(results.method["name"], results.method["variant"])
    except MevisBenchError:
        return {}
    spec = found.method.spec
    facts = {"method": spec.title, "variant": found.spec.title, "paper": spec.paper, "code": spec.code}
    return {name: value for name, value in {**facts, "license of the code": spec.license}.items() if value}
