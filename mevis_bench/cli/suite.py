"""``mevis-bench suite``: several runs from one configuration file."""

from pathlib import Path
from typing import TYPE_CHECKING

from mevis_bench.cli import arguments, options
from mevis_bench.cli.choices import ProgressMode
from mevis_bench.records.task_names import TASK_NAMES

if TYPE_CHECKING:
    from mevis_bench.schemas.suite import Suite


def command(
    file: arguments.SuiteFile,
    out: options.SuiteOut,
    weights: options.Weights,
    method: options.MethodName = None,
    data: options.SuiteData = None,
    dry_run: options.PrintPlan = False,
    progress: options.Progress = ProgressMode.AUTO,
    json: options.Json = False,
) -> int:
    """Run and score every entry of a suite; print one table per task and one of all tasks."""
    from mevis_bench.cli.runs import execute_suite

    suite, absent = _suite(file, method, weights, data)
    return execute_suite(suite, out, absent, progress, dry_run=dry_run, json=json)


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
