"""``mevis-bench picture``: samples of a run as one image."""

from pathlib import Path
from typing import Annotated

import typer

from mevis_bench.cli import options


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A scored RVOS or AVOS run folder.")],
    sample: Annotated[list[str], typer.Option("--sample", metavar="VIDEO/EXPRESSION", help="Sample id; repeatable.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Image file.")] = Path("samples.png"),
    data: options.DataRoot = None,
    split: options.SplitName = "valid_u",
) -> None:
    """Render samples as one image: five ground-truth frames above five predicted ones."""
    from mevis_bench.cli import console
    from mevis_bench.data.registry import open_dataset
    from mevis_bench.reports.picture import render_samples

    out.parent.mkdir(parents=True, exist_ok=True)
    render_samples(run, open_dataset(data, split), sample).save(out)
    console.out().print(str(out), markup=False, soft_wrap=True)
