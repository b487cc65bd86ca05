"""``mevis-bench picture``: a few samples as one image file."""

from pathlib import Path
from typing import Annotated

import typer

from mevis_bench.cli import options


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A scored RVOS or AVOS run folder.")],
    sample: Annotated[list[str], typer.Option("--sample", metavar="VIDEO/EXPRESSION", help="May be repeated.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The image to write.")] = Path("samples.png"),
    data: options.DataRoot = None,
    split: options.SplitName = "valid_u",
) -> None:
    """A few samples as one image: five frames of the truth above five of the prediction."""
    from mevis_bench.cli import console
    from mevis_bench.data.mevis.split import open_split
    from mevis_bench.reports.picture import draw_samples

    out.parent.mkdir(parents=True, exist_ok=True)
    draw_samples(run, open_split(data, split), sample).save(out)
    console.out().print(str(out), markup=False, soft_wrap=True)
