"""The site has every run, links only to its own files, and shows hostile names as text."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from mevis_bench.records.dataset import Dataset
from mevis_bench.reports.gallery import GallerySummary
from mevis_bench.reports.run_view import ScoredRun, read_scored_run
from mevis_bench.reports.site import RunPages, build_site, run_tiers
from mevis_bench.schemas.history import HistoryEntry, Point
from mevis_bench.schemas.scores import SampleScore
from scripts.browser import Page
from tests.fixtures.browser import accessibility_errors
from tests.fixtures.scored_runs import RESULTS

HOSTILE = "../<script>document.title='owned'</script>"
METHOD = {"name": "lmpmpp", "variant": "mini", "provenance": "trained-here"}


def named(run: Path, split: Dataset, method: dict[str, str]) -> ScoredRun:
    scored = read_scored_run(run, split)
    return replace(scored, results=replace(scored.results, method=method))


@pytest.fixture(scope="module")
def site(
    gallery_run: Path,
    track_run: Path,
    caption_run: Path,
    gallery_split: Dataset,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    runs = [
        named(track_run, gallery_split, METHOD),
        named(gallery_run, gallery_split, METHOD),
        named(gallery_run, gallery_split, {**METHOD, "name": HOSTILE}),
        read_scored_run(caption_run, gallery_split),
    ]
    entries = [
        HistoryEntry(f"rvos/{name}:mini/tiny", "abc", f"2026-01-0{day}T00:00:00+00:00", {"J&F": {"all": point}})
        for day in (1, 2)
        for name in ("lmpmpp", HOSTILE)
        for point in (Point(0.4 + 0.1 * day, 0.3, 0.8),)
    ]
    out = tmp_path_factory.mktemp("site") / "site"
    pages = build_site(runs, entries, out)
    assert [page.key.split("/")[0] for page in pages] == ["rmot", "rvos", "rvos", "rmeg"]
    return out


class Links(HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attrs if name in ("href", "src") and value]


def test_every_link_leads_to_a_file_of_the_site(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) == 1 + 1 + 3 + 4
    for page in pages:
        for link in Links(page).links:
            target = (page.parent / unquote(link.split("#")[0])).resolve() if not link.startswith("#") else page
            assert target.is_file()
            assert target.is_relative_to(site.resolve())


def test_the_leaderboard_has_every_run_with_its_page_and_gallery(site: Path) -> None:
    text = (site / "index.html").read_text()
    links = Links(site / "index.html").links
    assert links.count("methods/lmpmpp-mini/index.html") == 2
    galleries = [name for name in links if name.startswith("runs/")]
    assert len(galleries) == len(set(galleries)) == 4
    assert "runs/rmeg-external-predictions-tiny/index.html" in galleries
    assert text.count('class="spark"') == 2
    assert "newest run 2026-01-02, commit abc" in text


def test_a_method_has_its_facts_runs_pictures_and_curves(site: Path) -> None:
    text = (site / "methods" / "lmpmpp-mini" / "index.html").read_text()
    assert "LMPM++ mini" in text
    assert text.index("RVOS on tiny") < text.index("RMOT on tiny")
    assert "J&amp;F lost by error type" in text
    assert "HOTA lost by error type" in text
    pictures = [link for link in Links(site / "methods" / "lmpmpp-mini" / "index.html").links if link.endswith(".jpg")]
    assert len(pictures) == 2
    assert "N-acc. over T-acc." in text


def test_hostile_names_are_texts_and_leave_no_folder(site: Path) -> None:
    assert not (site.parent / "<script>document.title='owned'<").exists()
    for path in site.rglob("*.html"):
        assert "<script>" not in path.read_text()
        assert "onerror" not in re.sub(r"&lt;.*?&gt;", "", path.read_text())
    assert all(re.fullmatch(r"[a-z0-9-]+", folder.name) for folder in (site / "methods").iterdir())


def test_a_site_without_history_or_runs_says_so(tmp_path: Path) -> None:
    assert build_site([], [], tmp_path) == []
    assert "No runs." in (tmp_path / "index.html").read_text()
    assert "No entries yet." in (tmp_path / "history.html").read_text()


def page_of(name: str, values: np.ndarray, **changes: object) -> RunPages:
    """A run of four samples in each of ten videos, with these values of J&F ``(40,)``."""
    results = replace(RESULTS, method={**RESULTS.method, "name": name}, **changes)
    scores = [
        SampleScore(f"v{k // 4}/{k % 4}", {"J&F": None if np.isnan(value) else value})
        for k, value in enumerate(values.tolist())
    ]
    return RunPages(results, scores, name, name, "", GallerySummary())


def test_rows_that_are_not_separated_share_a_tier_within_their_setting() -> None:
    random = np.random.default_rng(2)
    base, noise = random.uniform(0.2, 0.5, 40), random.normal(0, 0.05, 40)
    other_words = {"method": {**RESULTS.method, "perturb": "words"}}
    pages = [
        page_of("low", base),
        page_of("best", base + 0.3),
        page_of("near low", base + noise - noise.mean()),
        page_of("alone", base, protocol="mevis_v1"),
        replace(page_of("perturbed", base), results=replace(RESULTS, **other_words)),
        page_of("undefined", np.where(base < 0.3, np.nan, base)),
    ]
    assert run_tiers(pages) == {"best": 1, "low": 2, "near low": 2}
    assert run_tiers([replace(page, scores=page.scores[:20]) for page in pages]) == {}


def test_a_method_stays_in_view_while_its_row_scrolls(browser: Page, site: Path) -> None:
    browser.view(390, 900)
    browser.open((site / "index.html").as_uri())
    browser.run("document.querySelector('.scroll').scrollLeft = 10000")
    assert browser.run("document.querySelector('.scroll').scrollLeft") > 100
    assert browser.run("document.querySelector('.scroll tbody th').getBoundingClientRect().left") == 16


@pytest.mark.parametrize("path", ["index.html", "history.html", "methods/lmpmpp-mini/index.html"])
@pytest.mark.parametrize(("width", "dark"), [(1400, False), (390, True)])
def test_pages_are_accessible_and_load_nothing_from_elsewhere(
    browser: Page, site: Path, path: str, width: int, dark: bool
) -> None:
    browser.view(width, 900, dark=dark)
    drawn = "(!document.getElementById('chart') || document.querySelector('.main-svg'))"
    browser.open((site / path).as_uri(), f"document.readyState === 'complete' && {drawn}")
    assert browser.errors == []
    assert all(request.startswith("file:") for request in browser.requests)
    assert browser.run("document.documentElement.scrollWidth") == width
    assert browser.run("document.title") != "owned"
    assert accessibility_errors(browser) == []


def test_the_plot_follows_its_menus_and_its_address(browser: Page, site: Path) -> None:
    browser.view(1400, 900)
    browser.open((site / "history.html").as_uri(), "document.querySelector('.main-svg')")
    names = browser.run("document.getElementById('chart').data.map((trace) => trace.name)")
    assert "lmpmpp:mini" in names
    assert not any("<" in name for name in names)
    values = browser.run("document.getElementById('chart').data.map((trace) => trace.y)")
    assert values == [[pytest.approx(50), pytest.approx(60)]] * 2
    browser.run("location.hash = '#RVOS on tiny/J%26F/all'")
    assert browser.run("document.getElementById('metric').value") == "J&F"
