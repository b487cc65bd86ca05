"""``mevis-bench failures``: what went wrong, and what it costs."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mevis_bench.cli import options

if TYPE_CHECKING:
    from rich.console import Group

    from mevis_bench.reports.failures import ErrorAnalysis, FailureCount


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A scored RVOS or AVOS run folder.")],
    data: options.DataRoot = None,
    split: options.SplitName = "valid_u",
    json: options.Json = False,
) -> None:
    """Every sample's one reason: wrong object, lost on the way, hallucinated ..., and the J&F each kind costs."""
    from mevis_bench.cli import console
    from mevis_bench.data.mevis.split import open_split
    from mevis_bench.reports.failures import confusion, count_failures
    from mevis_bench.reports.gallery.view import view_video

    opened = open_split(data, split)
    anatomies: list[ErrorAnalysis] = []
    confusions = {}
    for video_id in opened.video_ids:
        views = list(view_video(opened, run, video_id))
        found = [view.anatomy for view in views]
        targets = {view.score.sample: view.expression.annotation_ids or () for view in views}
        confusions[video_id] = confusion(found, targets)
        anatomies += found
    counts = count_failures(anatomies)
    if json:
        samples = [asdict(anatomy) for anatomy in anatomies]
        console.print_json({"counts": [asdict(count) for count in counts], "samples": samples, "confusion": confusions})
    else:
        console.out().print(_draw(counts, len(anatomies)))


def _draw(counts: "tuple[FailureCount, ...]", total: int) -> "Group":
    from mevis_bench.reports.terminal import terminal_table, titled

    table = terminal_table()
    table.add_column("kind")
    for name in ("samples", "share, %", "J&F lost, points"):
        table.add_column(name, justify="right")
    for count in counts:
        cells = (str(count.samples), f"{100 * count.samples / total:.1f}", f"{100 * count.cost:.1f}")
        table.add_row(count.failure.value, *cells)
    return titled(f"What went wrong, {total} samples", table)
