"""``mevis-bench score``: score predictions of any supported format."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mevis_bench.cli import options
from mevis_bench.records import ExitCode
from mevis_bench.records.task_names import TASK_NAMES

if TYPE_CHECKING:
    from mevis_bench.runs.score import ScoringResult
    from mevis_bench.runs.verify import Verification


def command(
    context: typer.Context,
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="PREDS",
            help="A run folder, <video>/<expression>/<frame>.png, tracks as <video>/<expression>.txt, a zip of one of "
            "these, or JSON {video: {expression: masks or sentence}}.",
        ),
    ],
    data: options.DataRoot = None,
    split: options.RunSplitName = None,
    data_set: options.DataSetName = None,
    task: Annotated[
        str | None,
        typer.Option("--task", metavar="|".join(TASK_NAMES), help="Default: the run's, or rvos."),
    ] = None,
    protocol: options.ProtocolName = None,
    missing: Annotated[
        str,
        typer.Option(
            "--missing", metavar="error|zero", help="A missing or invalid prediction is an error, or counts 0."
        ),
    ] = "error",
    no_target: Annotated[
        str, typer.Option("--no-target", metavar="empty|flag|pixels:N", help="Condition for a 'no target' prediction.")
    ] = "empty",
    empty_on_target: Annotated[
        str,
        typer.Option(
            "--empty-on-target", metavar="scored|zero", help="Score of a 'no target' prediction for a target."
        ),
    ] = "scored",
    references: Annotated[
        str,
        typer.Option(
            "--references", metavar="all|own", help="rmeg: all sentences of the same targets, or only the sample's own."
        ),
    ] = "all",
    threshold: Annotated[
        int | None, typer.Option("--threshold", metavar="N", min=1, max=255, help="PNG: values >= N are foreground.")
    ] = None,
    slices: Annotated[
        Path | None,
        typer.Option(
            "--slices", metavar="FILE", help="YAML with one 'name: condition' per line, like 'frames > 99 and J < 0.1'."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="N", min=1, help="Number of scoring processes. Default: one per core."),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            "--device", metavar="cpu|cuda[:N]|auto", help="Device of dense arithmetic; the scores are the same."
        ),
    ] = "cpu",
    verify: Annotated[
        bool, typer.Option("--verify", help="Score 20 samples again with independent reference code.")
    ] = False,
    verify_all: Annotated[bool, typer.Option("--verify-all", help="Score all samples again; slow.")] = False,
    out: options.Out = None,
    allow_other_split: options.AllowOtherSplit = False,
    json: options.Json = False,
) -> None:
    """Score predictions; write scores.jsonl and results.json next to them or into --out."""
    from mevis_bench.cli.progress import Bar
    from mevis_bench.metrics.protocols import find_protocol
    from mevis_bench.metrics.scoring_options import ScoringOptions
    from mevis_bench.runs.score import score_run
    from mevis_bench.runs.slice_file import read_slices
    from mevis_bench.runs.system_info import resolve_device
    from mevis_bench.runs.verify import NUM_VERIFIED_SAMPLES
    from mevis_bench.runs.verify import verify as verify_scored

    scoring = ScoringOptions(
        find_protocol(protocol), no_target, empty_on_target, missing, references, resolve_device(device)
    )
    data, split, data_set = options.own_split_first(context, predictions, data, split, data_set)
    with Bar("samples") as bar:
        result = score_run(
            predictions,
            data=data,
            split=split,
            data_set=data_set,
            task=task,
            options=scoring,
            threshold=threshold,
            slices=read_slices(slices) if slices else (),
            out=out,
            workers=workers,
            progress=bar.count("scoring"),
            allow_other_split=allow_other_split,
        )
    verification = verify_scored(result, None if verify_all else NUM_VERIFIED_SAMPLES) if verify or verify_all else None
    _print(result, verification, json)
    if verification is not None and not verification.agrees:
        raise typer.Exit(ExitCode.FAILED)


def _print(result: "ScoringResult", verification: "Verification | None", json: bool) -> None:
    import dataclasses

    from mevis_bench.cli.console import err, out, print_json
    from mevis_bench.reports.render import to_terminal
    from mevis_bench.reports.table import build_table

    for sample, reason in list(result.errors.items())[:10]:
        err().print(f"counts as zero: {sample} ({reason})", markup=False, soft_wrap=True)
    if len(result.errors) > 10:
        err().print(f"and {len(result.errors) - 10} more")
    for note in result.notes:
        err().print(note, markup=False, soft_wrap=True)
    if json:
        verified = {} if verification is None else {"verification": dataclasses.asdict(verification)}
        print_json({**dataclasses.asdict(result.results), **verified})
        return
    out().print(to_terminal(build_table(result.results.task, [result.results])))
    if verification is not None:
        differences = ", ".join(f"{name} {value:.3g}" for name, value in verification.differences.items())
        outcome = "scores agree" if verification.agrees else "SCORES DIFFER"
        out().print(f"Verification by {verification.by}: {outcome}. Largest differences over {verification.samples}")
        out().print(f"samples: {differences}")
