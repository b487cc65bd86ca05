"""``mevis-bench gallery``: a run as pictures."""

from pathlib import Path
from typing import Annotated

import typer

from mevis_bench.cli import options


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A scored RVOS or AVOS run folder.")],
    data: options.DataRoot = None,
    split: options.SplitName = "valid_u",
    against: Annotated[
        Path | None, typer.Option("--against", metavar="RUN", help="Another scored run: show every sample's change.")
    ] = None,
    out: options.Out = None,
    json: options.Json = False,
) -> None:
    """Every sample as truth, prediction and difference, in one HTML folder that opens from disk."""
    from mevis_bench.cli import console
    from mevis_bench.data.mevis.split import open_split
    from mevis_bench.reports.gallery import build_gallery

    folder = out if out is not None else run / "gallery"
    count = build_gallery(run, open_split(data, split), folder, against=against)
    if json:
        console.print_json({"page": str(folder / "index.html"), "samples": count})
    else:
        console.out().print(f"{count} samples: {folder / 'index.html'}", markup=False, soft_wrap=True)
