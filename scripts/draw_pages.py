"""Draw the pictures of the pages for the documentation: ``python -m scripts.draw_pages runs/demo docs/pictures``.

Needs Chromium and the runs of ``make demo``. The leaderboard and the history show twenty nights, which are drawn at
random around the results of the runs, because one run has no history.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from mevis_bench.cli.app import main as command
from mevis_bench.files.atomic import atomic_write
from mevis_bench.reports.history import add, make_entry
from mevis_bench.schemas.history import HistoryEntry, Point
from scripts.browser import Page, open_browser

NIGHTS = 20
WIDE, NARROW = 1400, 390


def nights(entries: Sequence[HistoryEntry], seed: int = 0) -> list[HistoryEntry]:
    """Return every entry on ``NIGHTS`` days, with values around its own; those of LMPM++ rise by two points once."""
    random = np.random.default_rng(seed)
    drawn = []
    for night in range(NIGHTS):
        commit = f"{random.integers(1 << 36):09x}"
        for entry in entries:
            shift = float(random.normal(0, 0.002)) - 0.02 * ("lmpmpp" in entry.run and night < 12)
            points = {
                metric: {name: _shifted(point, shift) for name, point in slices.items()}
                for metric, slices in entry.points.items()
            }
            drawn.append(replace(entry, commit=commit, time=f"2026-11-{night + 1:02}T02:17:00+00:00", points=points))
    return drawn


def _shifted(point: Point, shift: float) -> Point:
    low, high = (None if end is None else end + shift for end in (point.low, point.high))
    return Point(point.value + shift, low, high)


def draw(runs: Path, out: Path, pages: Path) -> None:
    """Write the pictures.

    Args:
        runs: The runs of ``make demo``.
        out: Folder of the pictures.
        pages: Folder for the pages that are drawn.

    Raises:
        SystemExit: A page could not be made.
    """
    folders = sorted(path.parent for path in runs.glob("*/results.json"))
    history = pages / "history.jsonl"
    history.unlink(missing_ok=True)
    add(history, nights([make_entry(folder) for folder in folders]))
    site, names = pages / "site", [str(folder) for folder in folders]
    _run("site", *names, "--file", str(history), "--out", str(site))
    other = str(runs / "rvos-moving_region-valid_u")
    _run("gallery", str(runs / "rvos-lmpmpp-valid_u"), "--compare-to", other, "--out", str(pages / "compared"))
    shown = {
        "gallery": (pages / "compared" / "index.html", "#00017/8", WIDE, 1180, False),
        "gallery-tracks": (_gallery(site, "rmot-lmpmpp-mini"), "#00000/3", WIDE, 1180, True),
        "gallery-sentences": (_gallery(site, "rmeg-videollama2-mini"), "#00017/0", WIDE, 1180, False),
        "gallery-narrow": (_gallery(site, "avos-lmpmpp-mini"), "#00017/0", NARROW, 1500, False),
        "leaderboard": (site / "index.html", "", WIDE, 0, False),
        "method": (site / "methods" / "lmpmpp-mini" / "index.html", "", WIDE, 1500, False),
        "history": (site / "history.html", "", WIDE, 1000, False),
    }
    with open_browser() as browser:
        for name, (page, address, width, height, dark) in shown.items():
            browser.view(width, height or 900, dark=dark)
            browser.open(page.as_uri() + address, _ready(page))
            if "gallery" in name:
                browser.run("(play(false), seek(8), document.getElementById('list').blur())")
            _write(browser, out / f"{name}.png", whole=height == 0)


def _gallery(site: Path, start: str) -> Path:
    return next(path for path in sorted(site.glob("runs/*/index.html")) if path.parent.name.startswith(start))


def _ready(page: Path) -> str:
    if (page.parent / "gallery.js").exists():
        return "typeof state !== 'undefined' && state.video"
    drawn = "(!document.getElementById('chart') || document.querySelector('.bglayer'))"
    return f"document.readyState === 'complete' && {drawn}"


def _write(browser: Page, path: Path, *, whole: bool) -> None:
    picture = path.with_suffix(".drawn.png")
    browser.picture(picture, whole=whole)
    content = io.BytesIO()
    with Image.open(picture) as image:
        image.convert("RGB").save(content, "PNG", optimize=True)
    atomic_write(path, content.getvalue())
    picture.unlink()
    print(path)


def _run(*words: str) -> None:
    if code := command(list(words)):
        raise SystemExit(code)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pages", type=Path, default=Path("build/pages"), help="folder for the pages that are drawn")
    arguments = parser.parse_args()
    arguments.pages.mkdir(parents=True, exist_ok=True)
    draw(arguments.runs, arguments.out, arguments.pages)
    return 0


if __name__ == "__main__":
    sys.exit(main())
