"""``mevis-bench suite``: several runs from one configuration file."""

from pathlib import Path
from typing import TYPE_CHECKING

from mevis_bench.cli import options
from mevis_bench.records import ExitCode
from mevis_bench.records.task_names import TASK_NAMES

if TYPE_CHECKING:
    from mevis_bench.schemas.suite import Suite


def command(
    file: options.SuiteFile,
    out: options.SuiteOut,
    weights: options.Weights,
    method: options.MethodName = None,
    data: options.SuiteData = None,
    json: options.Json = False,
) -> int:
    """Run and score every entry of a suite; print one table per task and one of all tasks."""
    from mevis_bench.cli import console
    from mevis_bench.cli.progress import Bar
    from mevis_bench.cli.run import ProgressBarCallback
    from mevis_bench.reports.render import all_tasks_to_terminal, to_terminal
    from mevis_bench.reports.table import build_table
    from mevis_bench.runs.suite import run_suite

    suite, absent = _suite(file, method, weights, data)
    with Bar("samples") as bar:
        finished = list(run_suite(suite, out, lambda: ProgressBarCallback(bar), absent.__setitem__))
    for name, reason in absent.items():
        console.err().print(f"absent: {name} ({reason})", markup=False, soft_wrap=True)
    results = [run.results for run in finished if run.results is not None]
    if json:
        runs = [{"folder": str(run.report.folder.path), "failed": len(run.report.failed)} for run in finished]
        console.print_json({"runs": runs, "absent": absent} if file in ALL else runs)
    else:
        names = list(dict.fromkeys(result.dataset["name"] for result in results))
        for task, name in ((task, name) for task in TASK_NAMES for name in names):
            own = [result for result in results if result.task == task and result.dataset["name"] == name]
            if own:
                if len(names) > 1:
                    console.out().print(f"data set {name}", markup=False)
                console.out().print(to_terminal(build_table(task, own)))
        if len({result.task for result in results}) > 1:
            console.out().print(all_tasks_to_terminal(results))
    return ExitCode.FAILED if any(run.report.failed for run in finished) else ExitCode.OK


ALL = {f"{task}-all": task for task in TASK_NAMES}
"""Names of the suites of one method on all data sets of a task."""


def _suite(file: str, method: str | None, weights: list[str], data: Path | None) -> "tuple[Suite, dict[str, str]]":
    from mevis_bench.config.run_config import read_run_config
    from mevis_bench.records import UsageError
    from mevis_bench.runs.suite import all_data_sets, read_suite

    if file not in ALL:
        for flag, value in (("--method", method), ("--data", data), ("--weights", weights)):
            if value:
                raise UsageError(
                    f"{flag} is for {', '.join(ALL)}",
                    location=file,
                    hint="The runs of a file say their method and data.",
                )
        return read_suite(file), {}
    if method is None or data is None:
        raise UsageError(f"{file} needs --method and --data", hint="--data has one folder per data set, named like it.")
    template = read_run_config(None, {"task": ALL[file], "method": method, "weights": weights}, ())
    every = all_data_sets(ALL[file], template, data)
    return every.suite, dict(every.absent)
