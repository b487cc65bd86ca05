"""``mevis-bench picture``: samples of a run as one image."""

import io
from pathlib import Path

import typer

from mevis_bench.cli import arguments, options
from mevis_bench.cli.option_groups import RunSplitOptions, with_groups


@with_groups
def command(
    context: typer.Context,
    run: arguments.ScoredRun,
    sample: options.PicturedSamples,
    split: RunSplitOptions,
    out: options.ImageOut = Path("samples.png"),
) -> None:
    """Render samples as one image: five ground-truth frames above five predicted ones, or a sentence."""
    from mevis_bench.cli import console
    from mevis_bench.cli.scored_run import open_scored_run
    from mevis_bench.files.atomic import atomic_write
    from mevis_bench.reports.picture import render_samples

    image = render_samples(open_scored_run(context, run, split), sample)
    content = io.BytesIO()
    image.save(content, "JPEG" if out.suffix.lower() in (".jpg", ".jpeg") else "PNG")
    atomic_write(out, content.getvalue())
    console.out().print(str(out), markup=False, soft_wrap=True)
