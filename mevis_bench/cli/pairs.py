"""``mevis-bench pairs``: order consistency."""

import typer

from mevis_bench.cli import arguments, options
from mevis_bench.cli.option_groups import RunSplitOptions, with_groups


@with_groups
def command(
    context: typer.Context, predictions: arguments.AnyPredictions, split: RunSplitOptions, json: options.Json = False
) -> None:
    """Accuracy on sentence pairs that differ only in the order of two motions (chance level: 50 %)."""
    from dataclasses import asdict

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.cli.scored_run import open_own_split
    from mevis_bench.reports.order_consistency import count_order_pairs

    opened = open_own_split(context, predictions, split)
    pairs = count_order_pairs(predictions, opened.dataset)
    if json:
        print_json({**asdict(pairs), "share": pairs.share, "predicted_on": opened.predicted_on})
        return
    out().print(
        f"Order pairs: {pairs.right} of {pairs.sentences} sentences right ({100 * pairs.share:.1f} %), "
        f"{pairs.wrong} chose the partner's target, {pairs.neither} neither."
    )
