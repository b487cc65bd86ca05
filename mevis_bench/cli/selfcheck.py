"""``mevis-bench selfcheck``: the same bytes, whichever way a run is spread or stopped."""

from typing import Annotated

import typer

from mevis_bench.cli import options
from mevis_bench.records import ExitCode


def command(
    method: Annotated[str, typer.Option("--method", metavar="NAME", help="A method of rvos.")] = "moving_region",
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=4, help="Number of samples.")] = 30,
    kills: Annotated[int, typer.Option("--kills", metavar="N", min=1, help="How often to kill -9 a run.")] = 3,
    json: options.Json = False,
) -> int:
    """Run a method in one process, on workers, in shards, on Ray (where installed), and killed; compare the bytes."""
    import dataclasses
    import tempfile
    from pathlib import Path

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.runs.selfcheck import selfcheck

    checks = []
    with tempfile.TemporaryDirectory() as scratch:
        for check in selfcheck(method, limit, kills, Path(scratch)):
            checks.append(check)
            if not json:
                mark = "[green]same bytes[/green] " if check.same else "[red]other bytes[/red]"
                out().print(f"{mark}  {check.name:20} {check.seconds:6.1f} s  [dim]{check.note}[/dim]")
    if json:
        print_json([dataclasses.asdict(check) for check in checks])
    return ExitCode.OK if all(check.same for check in checks) else ExitCode.FAILED
