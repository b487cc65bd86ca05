"""``mevis-bench picture``: samples of a run as one image."""

from pathlib import Path

import typer

from mevis_bench.cli import options
from mevis_bench.cli.option_groups import RunSplitOptions, with_groups


@with_groups
def command(
    context: typer.Context,
    run: options.ScoredRun,
    sample: options.PicturedSamples,
    split: RunSplitOptions,
    out: options.ImageOut = Path("samples.png"),
) -> None:
    """Render samples as one image: five ground-truth frames above five predicted ones."""
    from mevis_bench.cli import console
    from mevis_bench.cli.scored_run import open_scored_run
    from mevis_bench.reports.picture import render_samples

    image = render_samples(open_scored_run(context, run, split), sample)
    out.parent.mkdir(parents=True, exist_ok=True)
    image.save(out)
    console.out().print(str(out), markup=False, soft_wrap=True)
