"""``mevis-bench watch``: the progress of a run of another process until it ends."""

import time

from mevis_bench.cli import arguments, options
from mevis_bench.cli.choices import ProgressMode
from mevis_bench.records import ExitCode

INTERVAL = 1.0
"""Seconds between two looks at the run folder."""


def command(
    run: arguments.WatchedRun,
    progress: options.Progress = ProgressMode.AUTO,
    json: options.Json = False,
) -> int:
    """Follow a run that another process computes, until it is finished, stopped or killed."""
    import dataclasses

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.cli.progress import Bar
    from mevis_bench.runs.status import run_state

    state = run_state(run)
    with Bar("samples", progress) as bar:
        bar.begin(run.name, state.total, state.done + state.failed)
        while state.state == "running":
            time.sleep(INTERVAL)
            state = run_state(run)
            failed = f", {state.failed} failed" if state.failed else ""
            bar.advance_to(state.done + state.failed, f"{state.video or ''}{failed}")
    if json:
        print_json(dataclasses.asdict(state))
    else:
        failed = f", {state.failed} failed" if state.failed else ""
        line = f"{run} is {state.state}: {state.done} of {state.total} samples are done{failed}"
        out().print(line, markup=False, soft_wrap=True)
    return ExitCode.OK if state.state == "finished" else ExitCode.FAILED
