"""``mevis-bench score``: predictions of any format against a split's truth."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mevis_bench.cli import options

if TYPE_CHECKING:
    from mevis_bench.runs.score import Scored


def command(
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="PREDS",
            help="A run folder, <video>/<expression>/<frame>.png, a zip of one, or {video: {expression: ...}} as JSON.",
        ),
    ],
    data: options.DataRoot = None,
    split: options.SplitName = "valid_u",
    task: Annotated[
        str | None,
        typer.Option("--task", metavar="TASK", help="rvos, avos, rmot or rmeg. Default: the run's, or rvos."),
    ] = None,
    protocol: Annotated[
        str, typer.Option("--protocol", metavar="mevis_v2|mevis_v1", help="mevis_v1: frame by frame, no-target too.")
    ] = "mevis_v2",
    missing: Annotated[
        str, typer.Option("--missing", metavar="error|zero", help="A missing or broken prediction stops, or counts 0.")
    ] = "error",
    no_target: Annotated[
        str, typer.Option("--no-target", metavar="empty|flag|pixels:N", help="What counts as saying 'no target'.")
    ] = "empty",
    empty_on_target: Annotated[
        str, typer.Option("--empty-on-target", metavar="scored|zero", help="A target answered with 'no target'.")
    ] = "scored",
    threshold: Annotated[
        int | None, typer.Option("--threshold", metavar="N", min=1, max=255, help="PNG: values >= N are foreground.")
    ] = None,
    out: options.Out = None,
    json: options.Json = False,
) -> None:
    """Score predictions; write scores.jsonl and results.json beside them or into --out."""
    from mevis_bench.metrics.rules import ScoringRules
    from mevis_bench.runs.score import score_run

    rules = ScoringRules(protocol=protocol, no_target=no_target, empty_on_target=empty_on_target, missing=missing)
    scored = score_run(predictions, data=data, split=split, task=task, rules=rules, threshold=threshold, out=out)
    _print(scored, json)


def _print(scored: "Scored", json: bool) -> None:
    import dataclasses

    from mevis_bench.cli.console import err, out, print_json
    from mevis_bench.reports.render import to_terminal
    from mevis_bench.reports.table import build_table

    for sample, reason in list(scored.faults.items())[:10]:
        err().print(f"counts as zero: {sample} ({reason})", markup=False, soft_wrap=True)
    if len(scored.faults) > 10:
        err().print(f"and {len(scored.faults) - 10} more")
    for note in scored.notes:
        err().print(note, markup=False, soft_wrap=True)
    if json:
        print_json(dataclasses.asdict(scored.results))
        return
    out().print(to_terminal(build_table(scored.results.task, [scored.results])))
