"""SVG plots that follow the page's colors."""

from collections.abc import Sequence

from mevis_bench.reports.escaping import html_text

WIDTH = 420
ROW = 24


def bars(rows: Sequence[tuple[str, float, str]]) -> str:
    """Draw horizontal bars.

    Args:
        rows: Label, length >= 0, text at the end of the bar; an empty list gives an empty plot.
    """
    longest = max((length for _, length, _ in rows), default=0) or 1
    shapes = []
    for index, (label, length, text) in enumerate(rows):
        y = index * ROW
        shapes.append(
            f'<text x="142" y="{y + 16}" text-anchor="end">{html_text(label)}</text>'
            f'<rect class="bar" x="150" y="{y + 4}" width="{170 * length / longest:.1f}" height="16" rx="3"/>'
            f'<text class="quiet" x="{156 + 170 * length / longest:.1f}" y="{y + 16}">{html_text(text)}</text>'
        )
    return _svg(WIDTH, ROW * len(rows) + 4, "".join(shapes))


def histogram(values: Sequence[float], bins: int = 10) -> str:
    """Draw a histogram of values in 0..1 with ``bins`` equal bins; 1 falls into the last."""
    counts = [0] * bins
    for value in values:
        counts[min(int(value * bins), bins - 1)] += 1
    tallest, step = max(counts) or 1, 390 / bins
    shapes = ['<line class="axis" x1="10" y1="150" x2="400" y2="150"/>']
    for index, count in enumerate(counts):
        height = 120 * count / tallest
        x, top = 10 + index * step, 150 - height
        shapes.append(
            f'<rect class="bar" x="{x + 2:.1f}" y="{top:.1f}" width="{step - 4:.1f}" height="{height:.1f}" rx="2"/>'
            f'<text x="{x + step / 2:.1f}" y="{top - 6:.1f}" text-anchor="middle">{count or ""}</text>'
            f'<text class="quiet" x="{x:.1f}" y="166" text-anchor="middle">{100 * index // bins}</text>'
        )
    shapes.append('<text class="quiet" x="400" y="166" text-anchor="middle">100</text>')
    return _svg(WIDTH, 174, "".join(shapes))


def curve(points: Sequence[tuple[float, float]], x_label: str, y_label: str) -> str:
    """Draw a curve through points in the unit square."""
    path = " ".join(f"{40 + 320 * x:.1f},{180 - 160 * y:.1f}" for x, y in points)
    axes = (
        '<line class="axis" x1="40" y1="180" x2="360" y2="180"/><line class="axis" x1="40" y1="180" x2="40" y2="20"/>'
    )
    labels = "".join(
        f'<text class="quiet" x="{x}" y="{y}" text-anchor="{anchor}">{html_text(text)}</text>'
        for x, y, anchor, text in (
            (360, 198, "end", f"{x_label} → 100"),
            (40, 12, "start", f"{y_label} ↑ 100"),
            (36, 198, "end", "0"),
        )
    )
    return _svg(WIDTH, 204, f'{axes}<polyline class="curve" points="{path}"/>{labels}')


def figure(caption: str, plot: str) -> str:
    """Wrap a plot in a figure with a caption."""
    return f"<figure><figcaption>{html_text(caption)}</figcaption>{plot}</figure>"


def _svg(width: int, height: int, content: str) -> str:
    return f'<svg viewBox="0 0 {width} {height}" width="100%" role="img" xmlns="http://www.w3.org/2000/svg">{content}</svg>'
