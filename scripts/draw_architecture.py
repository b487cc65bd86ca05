"""The picture of docs/architecture.md, drawn from the imports as they are: ``python -m scripts.draw_architecture``.

Layers come from import-linter's contract in pyproject.toml, arrows from the import graph. An arrow that would point
upwards cannot be drawn, because the contract refuses it.
"""

import sys
import tomllib
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "pictures" / "architecture.svg"
WIDTH, ROW, BOX_WIDTH, BOX_HEIGHT, MARGIN = 920, 84, 128, 40, 24
STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #1f2937; text-anchor: middle; dominant-baseline: central }
  .small { font-size: 11px; fill: #6b7280 }
  .band { fill: #f3f4f6 }
  .box { fill: #ffffff; stroke: #9ca3af }
  .method { fill: #eef2ff; stroke: #818cf8 }
  .import { stroke: #64748b; stroke-opacity: .6; fill: none }
"""


def layers() -> list[list[str]]:
    """Return the layers of the contract, top first, each with its packages (``cli | api`` are two of one layer)."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = [each for each in settings["contracts"] if each["type"] == "layers"]
    return [[name.strip() for name in layer.split("|")] for layer in contract["layers"]]


def imports() -> set[tuple[str, str]]:
    """Return the pairs (importer, imported) of the sub-packages of mevis_bench."""
    graph = grimp.build_graph("mevis_bench", include_external_packages=False)
    pairs = set()
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            one, other = importer.split(".")[1:2], imported.split(".")[1:2]
            if one and other and one != other:
                pairs.add((one[0], other[0]))
    return pairs


def reduced(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the pairs that no chain of other pairs implies (the graph has no circle)."""

    def reached(start: str) -> set[str]:
        below = {imported for importer, imported in pairs if importer == start}
        return below.union(*(reached(name) for name in below))

    return {
        (importer, imported)
        for importer, imported in pairs
        if not any(imported in reached(other) for name, other in pairs if name == importer and other != imported)
    }


def draw(rows: Sequence[Sequence[str]], pairs: set[tuple[str, str]]) -> str:
    """Return the picture as SVG text."""
    rows = [row for row in rows if row != ["__main__"]]
    height = ROW * len(rows) + 2 * MARGIN
    places = {name: _place(row, column, rows) for row, names in enumerate(rows) for column, name in enumerate(names)}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>Layers of mevis_bench; every import follows one or several lines downwards</title>",
        f"<style>{STYLE}</style>",
        *_bands(len(rows)),
        *_lines(places, pairs),
        *_boxes(places),
        *_methods(places["records"][1]),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _place(row: int, column: int, rows: Sequence[Sequence[str]]) -> tuple[float, float]:
    """Return the center of a box; a row is spread evenly over the left three quarters."""
    space = WIDTH * 0.76 / len(rows[row])
    return MARGIN + space * (column + 0.5), MARGIN + ROW * (row + 0.5)


def _bands(count: int) -> Iterator[str]:
    for row in range(0, count, 2):
        yield f'<rect class="band" x="0" y="{MARGIN + ROW * row}" width="{WIDTH}" height="{ROW}"/>'


def _lines(places: dict[str, tuple[float, float]], pairs: set[tuple[str, str]]) -> Iterator[str]:
    for importer, imported in sorted(pairs):
        if importer in places and imported in places:
            (x0, y0), (x1, y1) = places[importer], places[imported]
            y0, y1 = y0 + BOX_HEIGHT / 2, y1 - BOX_HEIGHT / 2
            middle = (y0 + y1) / 2
            yield f'<path class="import" d="M{x0:g} {y0:g} C{x0:g} {middle:g} {x1:g} {middle:g} {x1:g} {y1:g}"/>'


def _boxes(places: dict[str, tuple[float, float]]) -> Iterator[str]:
    for name, (x, y) in places.items():
        yield _box(x, y, BOX_WIDTH, BOX_HEIGHT, "box", name)


def _methods(y: float) -> Iterator[str]:
    x = WIDTH * 0.89
    yield f'<path class="import" d="M{x - 83:g} {y:g} H{WIDTH * 0.38 + MARGIN + BOX_WIDTH / 2:g}"/>'
    yield _box(x, y, 166, BOX_HEIGHT, "method", "baselines/&lt;method&gt;")
    yield f'<text class="small" x="{x:g}" y="{y + 32:g}">imports records only</text>'


def _box(x: float, y: float, width: float, height: float, kind: str, label: str) -> str:
    rect = (
        f'<rect class="{kind}" x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width}" height="{height}" rx="6"/>'
    )
    return f'{rect}<text x="{x:g}" y="{y:g}">{label if "&" in label else escape(label)}</text>'


if __name__ == "__main__":
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(draw(layers(), reduced(imports())), encoding="utf-8")
    sys.stdout.write(f"{PICTURE}\n")
