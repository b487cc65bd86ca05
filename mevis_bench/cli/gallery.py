"""``mevis-bench gallery``: HTML gallery of a run."""

from pathlib import Path
from typing import Annotated

import typer

from mevis_bench.cli import options


def command(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A scored RVOS or AVOS run folder.")],
    data: options.DataRoot = None,
    split: options.RunSplitName = None,
    allow_other_split: options.AllowOtherSplit = False,
    compare_to: Annotated[
        Path | None, typer.Option("--compare-to", metavar="RUN", help="A scored reference run: show changes from it.")
    ] = None,
    against: Annotated[Path | None, typer.Option("--against", metavar="RUN", hidden=True)] = None,
    out: options.Out = None,
    json: options.Json = False,
) -> None:
    """Write ground truth, prediction and difference of every sample into an HTML folder that opens from disk."""
    from mevis_bench.cli import console
    from mevis_bench.cli.scored_run import open_scored_run
    from mevis_bench.reports.gallery import build_gallery

    if against is not None:
        console.print_deprecated("--against", "--compare-to")
    folder = out if out is not None else run / "gallery"
    scored = open_scored_run(context, run, data, split, allow_other_split)
    count = build_gallery(scored, folder, compare_to=compare_to or against)
    if json:
        console.print_json({"page": str(folder / "index.html"), "samples": count})
    else:
        console.out().print(f"{count} samples: {folder / 'index.html'}", markup=False, soft_wrap=True)
