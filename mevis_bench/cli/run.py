"""``mevis-bench run``: predict, store and score."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mevis_bench.cli import options
from mevis_bench.records import ExitCode

if TYPE_CHECKING:
    from mevis_bench.cli.progress import Bar
    from mevis_bench.runs.plan import RunPlan
    from mevis_bench.runs.predict import RunReport
    from mevis_bench.runs.run import FinishedRun
    from mevis_bench.schemas.samples import SampleStatus
    from mevis_bench.schemas.scores import Results
    from mevis_bench.store.run_folder import RunFolder


def command(
    settings: options.Settings,
    weights: options.Weights,
    method_dir: options.MethodDirs,
    sample: Annotated[
        list[str],
        typer.Option(
            "--sample", metavar="VIDEO[/EXPRESSION]", help="Only these samples; repeatable.", default_factory=list
        ),
    ],
    config: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="A YAML file with any of the options below as keys.")
    ] = None,
    task: options.TaskName = None,
    method: Annotated[
        str | None, typer.Option("--method", metavar="NAME[:VARIANT]", help="See mevis-bench list methods.")
    ] = None,
    variant: Annotated[str | None, typer.Option("--variant", metavar="NAME", help="Variant of the method.")] = None,
    data: options.DataRoot = None,
    split: Annotated[str | None, typer.Option("--split", metavar="NAME", help="Split inside --data.")] = None,
    data_set: options.DataSetName = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", help="Only the first N samples.")] = None,
    bridge: Annotated[
        str | None,
        typer.Option(
            "--bridge",
            metavar="speech_to_text|oracle_text|masks_to_tracks",
            help="Adapter for a method of another task. Default: the usual one, if any.",
        ),
    ] = None,
    asr_model: Annotated[
        str | None,
        typer.Option(
            "--asr-model", metavar="SIZE|PATH", help="Whisper model of the bridge speech_to_text. Default: base."
        ),
    ] = None,
    perturb: Annotated[
        str | None,
        typer.Option(
            "--perturb",
            metavar="words|shuffle|reverse|static|every-K",
            help="Prompts or frames are changed before the method sees them.",
        ),
    ] = None,
    protocol: options.ProtocolName = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Random seed.")] = None,
    device: Annotated[
        str | None,
        typer.Option("--device", metavar="auto|cpu|cuda[:N]", help="Compute device; auto: CUDA if available."),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option("--engine", metavar="local|ray", help="Run on this machine or on a Ray cluster."),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="HOST:PORT|auto", help="Address of the Ray cluster. Default: a local one."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Run folder. Default: a fixed one under runs/."),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option("--shard", metavar="I/N", help="Only shard I of N; see mevis-bench merge."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", help="Number of pool processes that predict. Default: 1.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", help="Fail a sample that takes longer.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed samples again.")] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first failed sample.")] = False,
    max_failures: Annotated[
        int | None, typer.Option("--max-failures", metavar="N", help="Stop after N failed samples.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan without running it.")] = False,
    json: options.Json = False,
    recogniser: Annotated[str | None, typer.Option("--recogniser", hidden=True)] = None,
) -> int:
    """Run a method on a task: predict, store, and score if the split has ground truth.

    Running the same command again resumes a run that was stopped or killed; a finished run is left unchanged.
    """
    from mevis_bench.cli.console import print_deprecated
    from mevis_bench.config.run_config import read_run_config
    from mevis_bench.runs.plan import plan_run
    from mevis_bench.runs.predict import find_folder

    if recogniser is not None:
        print_deprecated("--recogniser", "--asr-model")
    given = {
        "task": task,
        "method": method,
        "variant": variant,
        "weights": weights,
        "method_dir": [str(folder) for folder in method_dir],
        "data": data and str(data),
        "split": split,
        "data_set": data_set,
        "sample": sample,
        "limit": limit,
        "bridge": bridge,
        "asr_model": asr_model or recogniser,
        "perturb": perturb,
        "protocol": protocol,
        "seed": seed,
        "device": device,
        "engine": engine,
        "address": address,
        "out": out and str(out),
        "shard": shard,
        "workers": workers,
        "timeout": timeout,
        "retry_failed": retry_failed or None,
        "fail_fast": fail_fast or None,
        "max_failures": max_failures,
    }
    flags = {key: value for key, value in given.items() if value is not None and value != []}
    plan = plan_run(read_run_config(config, flags, settings))
    folder = find_folder(plan)
    if dry_run:
        return _print_plan(plan, folder, json)
    return _run(plan, folder, json)


def _print_plan(plan: "RunPlan", folder: "RunFolder", json: bool) -> int:
    from mevis_bench.cli.console import out, print_json
    from mevis_bench.runs.predict import pending_videos

    identity = plan.identity
    remaining = sum(len(video.expression_ids) for video in pending_videos(plan, folder))
    facts = {
        "folder": str(folder.path),
        "task": identity.task,
        "method": f"{identity.method}:{identity.variant}",
        "weights": plan.provenance,
        "data": plan.data,
        "split": identity.split,
        "videos": len(plan.videos),
        "samples": len(identity.samples),
        "remaining": remaining,
        "device": identity.device,
        "seed": identity.seed,
        "perturb": identity.perturb,
        "bridge": identity.bridge["name"] if identity.bridge else None,
    }
    if json:
        # "left_to_do" is the former name of "remaining"; it goes with the next release.
        print_json({**facts, "left_to_do": remaining})
    else:
        from mevis_bench.cli.console import facts_table

        out().print(facts_table(facts))
    return ExitCode.OK


class ProgressBarCallback:
    """Run callback that shows a progress bar."""

    def __init__(self, bar: "Bar") -> None:
        self._bar = bar
        self._failed = 0

    def on_run_start(self, folder: "RunFolder", total: int, done: int) -> None:
        """Start the bar at the number of samples that earlier calls finished."""
        from mevis_bench.cli.console import err

        if done:
            err().print(f"resuming {folder.path}: {done} of {total} samples are done", markup=False, soft_wrap=True)
        self._bar.begin(folder.path.name, total, done)

    def on_sample_end(self, status: "SampleStatus") -> None:
        """Advance the bar by one sample."""
        self._failed += status.status == "failed"
        self._bar.advance(status.seconds, f"[red]{self._failed} failed[/red]" if self._failed else "")


def _run(plan: "RunPlan", folder: "RunFolder", json: bool) -> int:
    from mevis_bench.cli.console import err
    from mevis_bench.cli.progress import Bar
    from mevis_bench.runs.run import run_plan

    with Bar("samples") as bar:
        finished = run_plan(plan, folder, ProgressBarCallback(bar))
    report = finished.report
    if json:
        _print_json(finished)
    else:
        _print_report(report)
        if finished.word_error_rate is not None:
            err().print(f"speech recognition: word error rate {100 * finished.word_error_rate:.1f} %")
        _print_results(report.manifest.provenance, finished.results)
    return ExitCode.FAILED if report.failed else ExitCode.OK


def _print_json(finished: "FinishedRun") -> None:
    import dataclasses

    from mevis_bench.cli.console import print_json

    report, results = finished.report, finished.results
    print_json(
        {
            "folder": str(report.folder.path),
            "status": report.manifest.status,
            "done": report.done,
            "failed": [{"sample": status.id, "error": status.error} for status in report.failed],
            "computed": report.computed,
            "costs": report.manifest.costs,
            "word_error_rate": finished.word_error_rate,
            "results": results and dataclasses.asdict(results),
        }
    )


def _print_report(report: "RunReport") -> None:
    from rich.text import Text

    from mevis_bench.cli.console import err

    console = err()
    path = str(report.folder.path)
    if not report.computed:
        console.print(Text.assemble(("nothing to do", "bold"), f": {path} is {report.manifest.status}"), soft_wrap=True)
    else:
        console.print(Text.assemble(("written to ", "dim"), path), soft_wrap=True)
    for status in report.failed[:5]:
        console.print(Text.assemble(("failed ", "red"), (status.id, "bold"), f"  {status.error}"), soft_wrap=True)
    if len(report.failed) > 5:
        console.print(f"and {len(report.failed) - 5} more: {report.folder.samples_path}", markup=False, soft_wrap=True)
    if report.failed:
        console.print(
            "Failed samples count as zero. Run the same command with --retry-failed to retry them.", style="cyan"
        )


def _print_results(provenance: str, results: "Results | None") -> None:
    from mevis_bench.cli.console import err, out
    from mevis_bench.reports.render import to_terminal
    from mevis_bench.reports.table import build_table

    if results is None:
        err().print("not scored: the split has no ground truth, or all predictions are missing", style="dim")
        return
    if provenance == "untrained":
        err().print("[yellow]untrained[/yellow]: seeded random weights; the scores are not those of the method")
    out().print(to_terminal(build_table(results.task, [results])))
