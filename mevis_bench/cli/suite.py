"""``mevis-bench suite``: several runs from one configuration file."""

from mevis_bench.cli import options
from mevis_bench.records import ExitCode
from mevis_bench.records.task_names import TASK_NAMES


def command(file: options.SuiteFile, out: options.SuiteOut, json: options.Json = False) -> int:
    """Run and score every entry of a suite; print one table per task and one of all tasks."""
    from mevis_bench.cli import console
    from mevis_bench.cli.progress import Bar
    from mevis_bench.cli.run import ProgressBarCallback
    from mevis_bench.reports.render import all_tasks_to_terminal, to_terminal
    from mevis_bench.reports.table import build_table
    from mevis_bench.runs.suite import read_suite, run_suite

    suite = read_suite(file)
    with Bar("samples") as bar:
        finished = list(run_suite(suite, out, lambda: ProgressBarCallback(bar)))
    results = [run.results for run in finished if run.results is not None]
    if json:
        console.print_json(
            [{"folder": str(run.report.folder.path), "failed": len(run.report.failed)} for run in finished]
        )
    else:
        for task in TASK_NAMES:
            if any(result.task == task for result in results):
                console.out().print(to_terminal(build_table(task, results)))
        if len({result.task for result in results}) > 1:
            console.out().print(all_tasks_to_terminal(results))
    return ExitCode.FAILED if any(run.report.failed for run in finished) else ExitCode.OK
