"""``mevis-bench score``: score predictions of any supported format."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from mevis_bench.cli import arguments, options
from mevis_bench.cli.option_groups import RunSplitOptions, with_groups
from mevis_bench.records import ExitCode

if TYPE_CHECKING:
    from mevis_bench.metrics.scoring_options import ScoringOptions
    from mevis_bench.runs.score import ScoringResult
    from mevis_bench.runs.verify import Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRules:
    """Options that scores depend on."""

    task: options.ScoredTaskName = None
    protocol: options.ProtocolName = None
    missing: options.MissingRule = "error"
    no_target: options.NoTargetRule = "empty"
    empty_on_target: options.EmptyOnTargetRule = "scored"
    references: options.ReferenceRule = "all"
    threshold: options.Threshold = None
    slices: options.SliceFile = None

    def scoring_options(self, device: str) -> "ScoringOptions":
        """Return the rules as scoring takes them.

        Raises:
            UsageError: A value is invalid, or the device is missing.
        """
        from mevis_bench.metrics.protocols import find_protocol
        from mevis_bench.metrics.scoring_options import ScoringOptions
        from mevis_bench.runs.system_info import resolve_device

        return ScoringOptions(
            find_protocol(self.protocol),
            self.no_target,
            self.empty_on_target,
            self.missing,
            self.references,
            resolve_device(device),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """Scoring again by independent code."""

    verify: options.Verify = False
    verify_all: options.VerifyAll = False


@with_groups
def command(
    context: typer.Context,
    predictions: arguments.Predictions,
    split: RunSplitOptions,
    rules: ScoreRules,
    again: VerifyOptions,
    workers: options.ScoringProcesses = None,
    device: options.ScoringDevice = "cpu",
    name: options.ExternalName = None,
    out: options.Out = None,
    json: options.Json = False,
) -> None:
    """Score predictions; write scores.jsonl and results.json next to them or into --out."""
    from mevis_bench.cli.progress import Bar
    from mevis_bench.runs.score import score_run
    from mevis_bench.runs.slice_file import read_slices
    from mevis_bench.runs.verify import NUM_VERIFIED_SAMPLES
    from mevis_bench.runs.verify import verify as verify_scored

    own = split.without_variables(context, predictions)
    with Bar("samples") as bar:
        result = score_run(
            predictions,
            **asdict(own),
            task=rules.task,
            options=rules.scoring_options(device),
            threshold=rules.threshold,
            slices=read_slices(rules.slices) if rules.slices else (),
            name=name,
            out=out,
            workers=workers,
            progress=bar.count("scoring"),
        )
    count = None if again.verify_all else NUM_VERIFIED_SAMPLES
    verification = verify_scored(result, count) if again.verify or again.verify_all else None
    _print(result, verification, json=json)
    if verification is not None and not verification.agrees:
        raise typer.Exit(ExitCode.FAILED)


def _print(result: "ScoringResult", verification: "Verification | None", *, json: bool) -> None:
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
