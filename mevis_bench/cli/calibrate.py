"""``mevis-bench calibrate``: the no-target threshold of a method, chosen on a held-out split."""

from typing import TYPE_CHECKING

import typer

from mevis_bench.cli import arguments, options
from mevis_bench.cli.option_groups import RunSplitOptions, with_groups

if TYPE_CHECKING:
    from rich.console import Group

    from mevis_bench.reports.calibration import Calibration


@with_groups
def command(
    context: typer.Context,
    run: arguments.ScoredRun,
    split: RunSplitOptions,
    objective: options.Objective = "balanced",
    json: options.Json = False,
) -> None:
    """Choose the target score below which an expression counts as "no target"; report results on another split."""
    from dataclasses import asdict

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.cli.scored_run import open_scored_run
    from mevis_bench.reports.calibration import calibrate, read_calibration_samples

    scored = open_scored_run(context, run, split)
    result = calibrate(read_calibration_samples(scored), objective)
    if json:
        print_json({**asdict(result), "split": scored.dataset.split, "predicted_on": scored.predicted_on})
        return
    out().print(_table(result, f"{scored.dataset.split}, {result.samples} samples"))
    if result.cross_validated is not None:
        out().print(f"On videos it was not chosen on: {100 * result.cross_validated:.1f} (five folds by video)")
    out().print(f"For another split: --set method.target_threshold={result.chosen.threshold:.4g}")


def _table(result: "Calibration", title: str) -> "Group":
    from mevis_bench.reports.terminal import FittedTable, titled

    columns = ("threshold", "J&F", "N-acc.", "T-acc.", "objective")
    table = FittedTable(columns, numbers=columns)
    for point in (result.before, result.chosen):
        values = (point.jf, point.n_acc, point.t_acc, point.objective)
        table.add_row(f"{point.threshold:.4g}", *(f"{100 * value:.1f}" for value in values))
    return titled(title, table)
