"""The gallery in a browser: samples open by address, search and keys work, nothing injected runs."""

import json
from pathlib import Path

import pytest

from mevis_bench.records.dataset import Dataset
from mevis_bench.reports.gallery import build_gallery
from mevis_bench.reports.run_view import read_scored_run
from scripts.browser import Page
from tests.fixtures.browser import accessibility_errors, served
from tests.fixtures.gallery import ATTACK

READY = "typeof state !== 'undefined' && state.video"
CURRENT = "document.querySelector('#list a[aria-current] .about').textContent.split(' ')[0]"
FOCUS = "document.activeElement.closest('#list') ? document.activeElement.hash.slice(1) : document.activeElement.id"


@pytest.fixture(scope="module")
def pages(
    gallery_run: Path,
    track_run: Path,
    caption_run: Path,
    gallery_split: Dataset,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    folders = {}
    for name, run, other in (
        ("masks", gallery_run, None),
        ("tracks", track_run, track_run),
        ("captions", caption_run, caption_run),
    ):
        folders[name] = tmp_path_factory.mktemp(name)
        compare_to = None if other is None else read_scored_run(other, gallery_split)
        build_gallery(read_scored_run(run, gallery_split), folders[name], compare_to=compare_to)
    return folders


def address(folder: Path, sample: str = "") -> str:
    return (folder / "index.html").as_uri() + (f"#{sample}" if sample else "")


@pytest.mark.parametrize(("name", "panes"), [("masks", 3), ("tracks", 4), ("captions", 1)])
def test_the_worst_sample_is_shown_and_no_injected_code_runs(
    browser: Page, pages: dict[str, Path], name: str, panes: int
) -> None:
    browser.open(address(pages[name]), READY)
    samples = browser.run("samples.map((one) => [one.score, one.sample])")
    assert browser.run(CURRENT) == min(samples, key=lambda one: one[0])[1]
    assert browser.run("document.querySelectorAll('#list li').length") == len(samples)
    assert browser.run("document.querySelectorAll('#panes canvas').length") == panes
    assert ATTACK in browser.run("document.body.innerText")
    assert browser.run("document.title") == "external predictions on tiny"
    assert browser.run("document.querySelectorAll('img').length") == 0
    assert browser.errors == []
    assert all(request.startswith("file:") for request in browser.requests)


def test_code_in_the_page_is_refused(browser: Page, pages: dict[str, Path]) -> None:
    browser.open(address(pages["masks"]), READY)
    browser.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')")
    browser.run("new Promise((done) => setTimeout(done, 100))")
    assert browser.run("document.title") == "external predictions on tiny"
    assert any("Content Security Policy" in error for error in browser.errors)


def test_an_address_links_to_a_sample_and_follows_it(browser: Page, pages: dict[str, Path]) -> None:
    browser.open(address(pages["masks"]), READY)
    sample = browser.run("samples[3].sample")
    browser.open(address(pages["masks"], sample), READY)
    assert browser.run(CURRENT) == sample
    assert browser.run("document.getElementById('sentence').textContent") == browser.run("samples[3].text")
    inside = "(item, list) => item.top >= list.top && item.bottom <= list.bottom"
    places = "[document.querySelector('#list a[aria-current]'), document.getElementById('list')]"
    assert browser.run(f"({inside})(...{places}.map((node) => node.getBoundingClientRect()))")
    browser.run("document.querySelector('#list a').click()")
    browser.wait(f"location.hash === document.querySelector('#list a').hash && {CURRENT} !== '{sample}'")
    browser.run("history.back()")
    browser.wait(f"{CURRENT} === '{sample}'")


def test_keys_move_through_samples_and_frames(browser: Page, pages: dict[str, Path]) -> None:
    browser.open(address(pages["masks"]), READY)
    order = browser.run("state.shown.map((one) => one.sample)")
    browser.press("ArrowDown")
    browser.press("j")
    assert browser.run(CURRENT) == order[2]
    browser.press("ArrowUp")
    assert browser.run(CURRENT) == order[1]
    browser.wait("state.video")
    browser.press("ArrowRight")
    frame = browser.run("state.frame")
    browser.press("ArrowRight")
    assert browser.run("[state.frame, state.playing]") == [frame + 1, False]
    browser.press("ArrowLeft")
    assert browser.run("state.frame") == frame
    browser.press(" ")
    assert browser.run("state.playing") is True


def test_search_escape_and_tab(browser: Page, pages: dict[str, Path]) -> None:
    browser.open(address(pages["masks"]), READY)
    total = browser.run("samples.length")
    browser.press("Tab")
    assert browser.run("document.activeElement.className") == "skip"
    browser.press("/")
    assert browser.run(FOCUS) == "search"
    for letter in "onerror":
        browser.press(letter)
    assert browser.run("document.getElementById('count').textContent") == f"1 of {total}"
    browser.press("Tab")
    assert browser.run(FOCUS) == "error"
    browser.run("document.getElementById('search').focus()")
    browser.press("Escape")
    assert browser.run("document.getElementById('count').textContent") == f"{total} of {total}"
    assert browser.run(FOCUS) == browser.run("state.selected.sample")
    browser.press("ArrowDown")
    assert browser.run(FOCUS) == browser.run("state.selected.sample")


def choose(browser: Page, menu: str, value: str) -> None:
    """Choose an entry of a menu, as a person does."""
    node = f"document.getElementById('{menu}')"
    browser.run(f"({node}.value = {json.dumps(value)}, {node}.dispatchEvent(new Event('change')))")


def test_filters_and_an_empty_list(browser: Page, pages: dict[str, Path]) -> None:
    browser.open(address(pages["masks"]), READY)
    error = browser.run("samples[2].error")
    choose(browser, "error", error)
    assert set(browser.run("state.shown.map((one) => one.error)")) == {error}
    choose(browser, "order", "best first")
    scores = browser.run("state.shown.map((one) => one.score)")
    assert scores == sorted(scores, reverse=True)
    browser.run("(document.getElementById('search').value = 'no such words', filter())")
    assert browser.run("document.getElementById('list').innerText.trim()") == "No sample matches."


@pytest.mark.parametrize("name", ["masks", "tracks", "captions"])
@pytest.mark.parametrize(("width", "dark"), [(1400, False), (1400, True), (390, False)])
def test_the_page_is_accessible_in_every_size_and_scheme(
    browser: Page, pages: dict[str, Path], name: str, width: int, dark: bool
) -> None:
    browser.view(width, 900, dark=dark)
    try:
        browser.open(address(pages[name]), READY)
        ground = browser.run("getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(20, 22, 27)" if dark else "rgb(252, 252, 251)")
        assert browser.run("document.documentElement.scrollWidth") == width
        assert accessibility_errors(browser) == []
    finally:
        browser.view(1400, 900)


def test_the_theme_is_switched_and_kept(browser: Page, pages: dict[str, Path]) -> None:
    with served(pages["masks"]) as home:
        browser.open(home, READY)
        browser.press("t")
        assert browser.run("document.getElementById('theme').textContent") == "Light mode"
        browser.open(home, READY)
        assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(20, 22, 27)"
        assert browser.errors == []
        assert all(request.startswith(home) for request in browser.requests)


def test_a_thousand_samples_open_in_two_seconds(browser: Page, pages: dict[str, Path], tmp_path: Path) -> None:
    source = pages["masks"]
    for path in source.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "video_0.js").write_bytes((source / "data" / "video_0.js").read_bytes())
    text = (source / "data" / "samples.js").read_text()
    document = json.loads(text.removeprefix("window.GALLERY = ").rstrip().removesuffix(";"))
    own = document["samples"]
    document["samples"] = [{**own[k % len(own)], "sample": f"v/{k}", "index": k} for k in range(1000)]
    (tmp_path / "data" / "samples.js").write_text(f"window.GALLERY = {json.dumps(document)};")
    loaded = "typeof state !== 'undefined' && document.querySelector('#list a[aria-current]')"
    seconds = browser.open(address(tmp_path), loaded)
    assert seconds < 2
    assert browser.run("document.querySelectorAll('#list li').length") < 200
    browser.run("location.hash = '#v/999'")
    browser.wait("state.selected.sample === 'v/999'")
    assert browser.run(CURRENT) == "v/999"
    assert browser.run("document.querySelector('#list a[aria-current]').getBoundingClientRect().top") < 900
