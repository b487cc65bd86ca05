"""``mevis-bench pairs``: how often the right one of two sentences in opposite order is picked."""

from pathlib import Path
from typing import Annotated

import typer

from mevis_bench.cli import options


def command(
    predictions: Annotated[Path, typer.Argument(metavar="PREDS", help="A run folder, or whatever can be scored.")],
    data: options.DataRoot = None,
    split: options.SplitName = "valid_u",
    json: options.Json = False,
) -> None:
    """Share of sentences in order pairs whose masks fit their own target better than their partner's (chance: 50 %)."""
    from dataclasses import asdict

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.reports.order_consistency import count_order_pairs

    counted = count_order_pairs(predictions, data=data, split=split)
    if json:
        print_json({**asdict(counted), "share": counted.share})
        return
    out().print(
        f"Order pairs: {counted.right} of {counted.sentences} sentences right ({100 * counted.share:.1f} %), "
        f"{counted.wrong} picked the partner's target, {counted.neither} neither."
    )
