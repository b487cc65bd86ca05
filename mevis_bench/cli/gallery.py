"""``mevis-bench gallery``: HTML gallery of a run."""

from pathlib import Path
from typing import Annotated

import typer

from mevis_bench.cli import options


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A scored RVOS or AVOS run folder.")],
    data: options.DataRoot = None,
    split: options.SplitName = "valid_u",
    compare_to: Annotated[
        Path | None, typer.Option("--compare-to", metavar="RUN", help="A scored reference run: show changes from it.")
    ] = None,
    against: Annotated[Path | None, typer.Option("--against", metavar="RUN", hidden=True)] = None,
    out: options.Out = None,
    json: options.Json = False,
) -> None:
    """Write ground truth, prediction and difference of every sample into an HTML folder that opens from disk."""
    from mevis_bench.cli import console
    from mevis_bench.data.registry import open_dataset
    from mevis_bench.reports.gallery import build_gallery

    if against is not None:
        console.print_deprecated("--against", "--compare-to")
    folder = out if out is not None else run / "gallery"
    count = build_gallery(run, open_dataset(data, split), folder, compare_to=compare_to or against)
    if json:
        console.print_json({"page": str(folder / "index.html"), "samples": count})
    else:
        console.out().print(f"{count} samples: {folder / 'index.html'}", markup=False, soft_wrap=True)
