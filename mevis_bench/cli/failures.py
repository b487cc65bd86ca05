"""``mevis-bench failures``: error analysis of a run."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from mevis_bench.cli import arguments, options
from mevis_bench.cli.option_groups import RunSplitOptions, with_groups

if TYPE_CHECKING:
    from rich.console import Group

    from mevis_bench.reports.failures import ErrorAnalysis, FailureCount


@with_groups
def command(
    context: typer.Context,
    run: arguments.ScoredRun,
    split: RunSplitOptions,
    predictions: options.PredictionsOfRun = None,
    json: options.Json = False,
) -> None:
    """Classify the error of every sample (wrong object, track lost, hallucinated ...) and the score lost to each."""
    from mevis_bench.cli import console
    from mevis_bench.cli.scored_run import open_scored_run
    from mevis_bench.reports.failures import confusion, count_failures
    from mevis_bench.reports.run_view import RunView
    from mevis_bench.tasks import find_task

    scored = open_scored_run(context, run, split, predictions)
    dataset, run_view = scored.dataset, RunView(scored)
    analyses: list[ErrorAnalysis] = []
    confusions = {}
    for video_id in dataset.video_ids:
        views = list(run_view.video(video_id))
        video_analyses = [view.analysis for view in views]
        targets = {view.row.sample: view.expression.annotation_ids or () for view in views}
        confusions[video_id] = confusion(video_analyses, targets)
        analyses += video_analyses
    counts = count_failures(analyses)
    if json:
        samples = [asdict(analysis) for analysis in analyses]
        document = {"counts": [asdict(count) for count in counts], "samples": samples, "confusion": confusions}
        console.print_json({**document, "predicted_on": scored.predicted_on})
    else:
        console.out().print(_counts_table(counts, len(analyses), find_task(run_view.task).sample_title))


def _counts_table(counts: "tuple[FailureCount, ...]", total: int, score: str) -> "Group":
    from mevis_bench.reports.terminal import FittedTable, titled

    numbers = ("samples", "share, %", f"{score} lost, points")
    table = FittedTable(("error", *numbers), numbers)
    for count in counts:
        cells = (str(count.samples), f"{100 * count.samples / total:.1f}", f"{100 * count.cost:.1f}")
        table.add_row(count.failure.value, *cells)
    return titled(f"Errors, {total} samples", table)
