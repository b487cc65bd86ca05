"""``mevis-bench gallery``: HTML gallery of a run."""

import typer

from mevis_bench.cli import arguments, options
from mevis_bench.cli.option_groups import RunSplitOptions, with_groups
from mevis_bench.records import IncomparableError


@with_groups
def command(
    context: typer.Context,
    run: arguments.ScoredRun,
    split: RunSplitOptions,
    predictions: options.PredictionsOfRun = None,
    compare_to: options.CompareTo = None,
    against: options.Against = None,
    out: options.Out = None,
    json: options.Json = False,
) -> None:
    """Write ground truth, prediction and difference of every sample into an HTML folder that opens from disk.

    For all four tasks: masks, boxes with identities, sentences beside their references, spoken expressions.
    """
    from mevis_bench.cli import console
    from mevis_bench.cli.scored_run import open_scored_run
    from mevis_bench.reports.gallery import build_gallery
    from mevis_bench.reports.run_view import read_scored_run

    if against is not None:
        console.print_deprecated("--against", "--compare-to")
    folder = out if out is not None else run / "gallery"
    scored = open_scored_run(context, run, split, predictions)
    other = compare_to or against
    reference = None if other is None else read_scored_run(other, scored.dataset)
    if reference is not None and reference.results.task != scored.results.task:
        raise IncomparableError(
            f"{run} is of task {scored.results.task}, {other} of {reference.results.task}", location="--compare-to"
        )
    count = len(build_gallery(scored, folder, compare_to=reference).samples)
    if json:
        console.print_json({"page": str(folder / "index.html"), "samples": count})
    else:
        console.out().print(f"{count} samples: {folder / 'index.html'}", markup=False, soft_wrap=True)
