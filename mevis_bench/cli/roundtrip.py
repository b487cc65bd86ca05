"""``mevis-bench roundtrip``: whether generated sentences identify their targets."""

from dataclasses import asdict

import typer

from mevis_bench.cli import arguments, options
from mevis_bench.cli.option_groups import RunSplitOptions, with_groups


@with_groups
def command(
    context: typer.Context,
    weights: options.Weights,
    method_dir: options.MethodDirs,
    run: arguments.ScoredRun,
    split: RunSplitOptions,
    predictions: options.PredictionsOfRun = None,
    reader: options.Reader = "lmpmpp",
    ceiling: options.Ceiling = False,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Segment by the sentences of a scored RMEG run: does an RVOS method find the objects that they describe?

    Its J&F becomes a column of the run's scores that names the reader. An empty sentence counts 0.
    """
    from mevis_bench.cli.console import out, print_json
    from mevis_bench.cli.progress import Bar
    from mevis_bench.cli.runs import ProgressBarCallback
    from mevis_bench.cli.scored_run import open_own_split
    from mevis_bench.reports.render import to_terminal
    from mevis_bench.reports.table import build_table
    from mevis_bench.runs.round_trip import round_trip
    from mevis_bench.schemas.run_config import RunConfig

    config = RunConfig(task="rvos", method=reader, weights=tuple(weights), method_dir=tuple(method_dir), device=device)
    opened = open_own_split(context, run, split)
    with Bar("samples") as bar:
        outcome = round_trip(
            run, opened.dataset, config, ProgressBarCallback(bar), predictions=predictions, ceiling=ceiling
        )
    if json:
        print_json({**asdict(outcome), "results": asdict(outcome.results)})
        return
    out().print(to_terminal(build_table("rmeg", [outcome.results])))
    facts = [f"reader: {outcome.provenance}", f"empty sentences: {outcome.empty}"]
    if outcome.ceiling is not None:
        facts.append(f"the data set's own sentences: {100 * outcome.ceiling:.1f}")
    out().print(f"{outcome.metric}: {', '.join(facts)}", markup=False)
