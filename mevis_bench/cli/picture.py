"""``mevis-bench picture``: samples of a run as one image."""

from pathlib import Path
from typing import Annotated

import typer

from mevis_bench.cli import options


def command(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A scored RVOS or AVOS run folder.")],
    sample: Annotated[list[str], typer.Option("--sample", metavar="VIDEO/EXPRESSION", help="Sample id; repeatable.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Image file.")] = Path("samples.png"),
    data: options.DataRoot = None,
    split: options.RunSplitName = None,
    allow_other_split: options.AllowOtherSplit = False,
) -> None:
    """Render samples as one image: five ground-truth frames above five predicted ones."""
    from mevis_bench.cli import console
    from mevis_bench.cli.scored_run import open_scored_run
    from mevis_bench.reports.picture import render_samples

    image = render_samples(open_scored_run(context, run, data, split, allow_other_split), sample)
    out.parent.mkdir(parents=True, exist_ok=True)
    image.save(out)
    console.out().print(str(out), markup=False, soft_wrap=True)
