"""``mevis-bench doctor``: what is missing on this machine."""

from mevis_bench.cli import options
from mevis_bench.records import ExitCode


def command(require: options.RequiredChecks = None, json: options.Json = False) -> int:
    """Check what this machine has and lacks, and say how to get it.

    Exit code 1: something is missing that is required. What is optional is required where --require names it.
    """
    import dataclasses

    from rich.text import Text

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.reports.terminal import FittedTable
    from mevis_bench.runs.doctor import check_machine

    checks = check_machine(require.split(",") if require is not None else ())
    if json:
        print_json([dataclasses.asdict(check) for check in checks])
    else:
        table = FittedTable(("check", "state", "needed for", "found, or how to get it"))
        for check in checks:
            state = (
                Text("ok", "green") if check.found is not None else Text("missing", "red" if check.fails else "yellow")
            )
            table.add_row(check.name, state, check.needed_for, check.found or check.how)
        out().print(table)
    return ExitCode.FAILED if any(check.fails for check in checks) else ExitCode.OK
