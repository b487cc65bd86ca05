"""``mevis-bench run``: predict, store and score."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mevis_bench.cli import options
from mevis_bench.cli.option_groups import with_groups
from mevis_bench.records import ExitCode

if TYPE_CHECKING:
    from mevis_bench.cli.progress import Bar
    from mevis_bench.runs.plan import RunPlan
    from mevis_bench.runs.predict import RunReport
    from mevis_bench.runs.run import FinishedRun
    from mevis_bench.schemas.samples import SampleStatus
    from mevis_bench.schemas.scores import Results
    from mevis_bench.store.run_folder import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Options with the names of the keys of ``RunConfig``; ``None``, ``False`` or empty: not given."""

    task: options.TaskName = None
    method: options.MethodName = None
    variant: options.Variant = None
    weights: options.Weights
    method_dir: options.MethodDirs
    data: options.DataRoot = None
    split: options.SplitName = None
    data_set: options.DataSetName = None
    sample: options.SampleIds
    limit: options.Limit = None
    bridge: options.BridgeName = None
    asr_model: options.AsrModel = None
    perturb: options.Perturbation = None
    protocol: options.ProtocolName = None
    seed: options.RunSeed = None
    device: options.RunDevice = None
    engine: options.Engine = None
    address: options.Address = None
    out: options.RunOut = None
    shard: options.Shard = None
    workers: options.PoolProcesses = None
    timeout: options.Timeout = None
    retry_failed: options.RetryFailed = False
    fail_fast: options.FailFast = False
    max_failures: options.MaxFailures = None

    def flags(self) -> dict[str, object]:
        """Return the given options by key of ``RunConfig``, as plain values."""
        from mevis_bench.schemas.json_files import plain

        values: dict[str, object] = plain(self)
        return {key: value for key, value in values.items() if not (value is None or value is False or value == [])}


@with_groups
def command(
    given: RunOptions,
    settings: options.Settings,
    config: options.ConfigFile = None,
    dry_run: options.PrintPlan = False,
    json: options.Json = False,
    former_asr_model: options.FormerAsrModel = None,
) -> int:
    """Run a method on a task: predict, store, and score if the split has ground truth.

    Running the same command again resumes a run that was stopped or killed; a finished run is left unchanged.
    """
    from mevis_bench.cli.console import print_deprecated
    from mevis_bench.config.run_config import read_run_config
    from mevis_bench.runs.plan import plan_run
    from mevis_bench.runs.predict import find_folder

    flags = given.flags()
    if former_asr_model is not None:
        print_deprecated("--recogniser", "--asr-model")
        flags = {"asr_model": former_asr_model, **flags}
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
        self._bar.advance(status.seconds, f"{self._failed} failed" if self._failed else "")


def _run(plan: "RunPlan", folder: "RunFolder", json: bool) -> int:
    from mevis_bench.cli.console import err
    from mevis_bench.cli.progress import Bar
    from mevis_bench.runs.run import run_plan

    with Bar("samples") as bar:
        finished = run_plan(plan, folder, ProgressBarCallback(bar))
    report = finished.report
    if json:
        _print_json(finished)
    elif not plan.videos:
        err().print(f"{report.folder.path}: shard {plan.config.shard} is empty", markup=False, soft_wrap=True)
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
        note = "untrained: seeded random weights; the scores are not those of the method"
        err().print(note, style="yellow")
    out().print(to_terminal(build_table(results.task, [results])))
