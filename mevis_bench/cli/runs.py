"""Running of plans on the command line: progress, notes, tables and JSON of one run and of several."""

from typing import TYPE_CHECKING

from mevis_bench.cli.choices import ProgressMode
from mevis_bench.records import ExitCode
from mevis_bench.records.task_names import TASK_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mevis_bench.cli.progress import Bar
    from mevis_bench.runs.plan import RunPlan
    from mevis_bench.runs.run import FinishedRun
    from mevis_bench.schemas.samples import SampleStatus
    from mevis_bench.schemas.suite import Suite
    from mevis_bench.store.run_folder import RunFolder


class ProgressBarCallback:
    """Run callback that shows a progress bar.

    Args:
        bar: The bar.
        label: What is shown; empty: the name of the run folder.
        last_step: What follows the last sample, for instance ``scoring``.
    """

    def __init__(self, bar: "Bar", label: str = "", last_step: str = "") -> None:
        self._bar = bar
        self._label = label
        self._last_step = last_step
        self._failed = 0
        self._left = 0

    def on_run_start(self, folder: "RunFolder", total: int, done: int) -> None:
        """Start the bar at the number of samples that earlier calls finished."""
        from mevis_bench.cli.console import err

        if done:
            err().print(f"resuming {folder.path}: {done} of {total} samples are done", markup=False, soft_wrap=True)
        self._left = total - done
        self._bar.begin(self._label or folder.path.name, total, done)

    def on_sample_end(self, status: "SampleStatus") -> None:
        """Advance the bar by one sample."""
        self._failed += status.status == "failed"
        self._left -= 1
        place = status.id.rpartition("/")[0] if self._left else self._last_step
        failed = f"{self._failed} failed" if self._failed else ""
        self._bar.advance(status.seconds, ", ".join(filter(None, (place, failed))))


def _callback(bar: "Bar", plan: "RunPlan", position: str = "") -> ProgressBarCallback:
    """Return the callback of a run, named by what it runs; ``position``: which of several it is, like ``2/6 ``."""
    identity = plan.identity
    label = f"{position}{identity.task} {identity.method}:{identity.variant}"
    return ProgressBarCallback(bar, label, "scoring" if plan.has_ground_truth else "")


def execute_run(plan: "RunPlan", folder: "RunFolder", progress: ProgressMode, *, json: bool) -> int:
    """Run one plan and print its results; return the exit code."""
    from mevis_bench.cli.console import print_json
    from mevis_bench.cli.progress import Bar
    from mevis_bench.runs.run import run_plan

    with Bar("samples", progress) as bar:
        finished = run_plan(plan, folder, _callback(bar, plan))
    if json:
        print_json(_document(finished))
    else:
        _print_report(plan, finished)
        if plan.videos:
            _print_results(finished)
    return ExitCode.FAILED if finished.report.failed else ExitCode.OK


def execute_suite(
    suite: "Suite",
    out: "Path | None",
    left_out: "Mapping[str, str]",
    progress: ProgressMode,
    *,
    dry_run: bool,
    json: bool,
) -> int:
    """Run several plans and print one table per task and data set, and one of all tasks; return the exit code."""
    from mevis_bench.cli.console import err, print_json
    from mevis_bench.cli.progress import Bar
    from mevis_bench.runs.run import run_plan
    from mevis_bench.runs.suite import plan_suite

    suite_plan = plan_suite(suite, out)
    planned, left_out = suite_plan.runs, {**left_out, **suite_plan.left_out}
    for name, reason in left_out.items():
        err().print(f"left out: {name} ({reason})", markup=False, soft_wrap=True)
    if dry_run:
        return _print_plans(planned, left_out, json=json)
    finished = []
    with Bar("samples", progress) as bar:
        for number, (plan, folder) in enumerate(planned, 1):
            finished.append(run_plan(plan, folder, _callback(bar, plan, f"{number}/{len(planned)} ")))
            if not json:
                _print_report(plan, finished[-1])
    if json:
        print_json({"runs": [_document(run) for run in finished], "left_out": left_out})
    else:
        _print_tables(finished)
    return ExitCode.FAILED if any(run.report.failed for run in finished) else ExitCode.OK


def print_plan(plan: "RunPlan", folder: "RunFolder", *, json: bool) -> int:
    """Print what a run would do."""
    from mevis_bench.cli.console import out, print_json
    from mevis_bench.reports.terminal import FactsTable

    facts = _plan_facts(plan, folder)
    if json:
        # "left_to_do" is the former name of "remaining"; it goes with the next release.
        print_json({**facts, "left_to_do": facts["remaining"]})
    else:
        out().print(FactsTable(facts))
    return ExitCode.OK


def _print_plans(planned: "Sequence[tuple[RunPlan, RunFolder]]", left_out: "Mapping[str, str]", *, json: bool) -> int:
    from mevis_bench.cli.console import out, print_json
    from mevis_bench.reports.terminal import FittedTable

    plans = [_plan_facts(plan, folder) for plan, folder in planned]
    if json:
        print_json({"runs": plans, "left_out": left_out})
        return ExitCode.OK
    table = FittedTable(("folder", "method", "samples", "remaining"), numbers=("samples", "remaining"))
    for facts in plans:
        table.add_row(*(str(facts[column]) for column in table.columns))
    out().print(table)
    return ExitCode.OK


def _plan_facts(plan: "RunPlan", folder: "RunFolder") -> "dict[str, object]":
    from mevis_bench.runs.predict import pending_videos

    identity = plan.identity
    return {
        "folder": str(folder.path),
        "task": identity.task,
        "method": f"{identity.method}:{identity.variant}",
        "weights": plan.provenance,
        "data": plan.data,
        "split": identity.split,
        "videos": len(plan.videos),
        "samples": len(identity.samples),
        "remaining": sum(len(video.expression_ids) for video in pending_videos(plan, folder)),
        "device": identity.device,
        "seed": identity.seed,
        "perturb": identity.perturb,
        "bridge": identity.bridge["name"] if identity.bridge else None,
    }


def _document(finished: "FinishedRun") -> "dict[str, object]":
    import dataclasses

    report, results = finished.report, finished.results
    return {
        "folder": str(report.folder.path),
        "status": report.manifest.status,
        "done": report.done,
        "failed": [{"sample": status.id, "error": status.error} for status in report.failed],
        "computed": report.computed,
        "costs": report.manifest.costs,
        "word_error_rate": finished.word_error_rate,
        "results": results and dataclasses.asdict(results),
    }


def _print_report(plan: "RunPlan", finished: "FinishedRun") -> None:
    from rich.text import Text

    from mevis_bench.cli.console import err

    console, report = err(), finished.report
    path = str(report.folder.path)
    if not plan.videos:
        console.print(f"{path}: shard {plan.config.shard} is empty", markup=False, soft_wrap=True)
        return
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
    if finished.word_error_rate is not None:
        console.print(f"speech recognition: word error rate {100 * finished.word_error_rate:.1f} %")


def _print_results(finished: "FinishedRun") -> None:
    from mevis_bench.cli.console import err, out
    from mevis_bench.reports.render import to_terminal
    from mevis_bench.reports.table import build_table, read_samples

    report, results = finished.report, finished.results
    if results is None:
        err().print("not scored: the split has no ground truth, or all predictions are missing", style="dim")
        return
    if report.manifest.provenance == "untrained":
        note = "untrained: seeded random weights; the scores are not those of the method"
        err().print(note, style="yellow")
    out().print(to_terminal(build_table(results.task, [results], [read_samples(report.folder.path)])))
    if report.computed:
        hint = f"mevis-bench gallery {report.folder.path} shows every sample"
        err().print(hint, style="dim", markup=False, soft_wrap=True)


def _print_tables(finished: "Sequence[FinishedRun]") -> None:
    from mevis_bench.cli.console import out
    from mevis_bench.reports.render import all_tasks_to_terminal, to_terminal
    from mevis_bench.reports.table import build_table, read_samples

    runs = [(run.results, read_samples(run.report.folder.path)) for run in finished if run.results is not None]
    names = list(dict.fromkeys(results.dataset["name"] for results, _ in runs))
    for task, name in ((task, name) for task in TASK_NAMES for name in names):
        own = [run for run in runs if run[0].task == task and run[0].dataset["name"] == name]
        if own:
            if len(names) > 1:
                out().print(f"data set {name}", markup=False)
            out().print(to_terminal(build_table(task, *zip(*own, strict=True))))
    if len({results.task for results, _ in runs}) > 1:
        out().print(all_tasks_to_terminal(*zip(*runs, strict=True)))
