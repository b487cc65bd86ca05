"""``mevis-bench selfcheck``: determinism check over executors, shards and restarts."""

from mevis_bench.cli import options
from mevis_bench.records import ExitCode


def command(
    method: options.SelfcheckMethod = "moving_region",
    limit: options.SelfcheckLimit = 30,
    kills: options.Kills = 3,
    json: options.Json = False,
) -> int:
    """Compare the bytes of runs in one process, in pool processes, in shards, on Ray (if installed), and resumed."""
    import dataclasses
    import tempfile
    from pathlib import Path

    from rich.text import Text

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.runs.selfcheck import selfcheck

    checks = []
    with tempfile.TemporaryDirectory() as scratch:
        for check in selfcheck(method, limit, kills, Path(scratch)):
            checks.append(check)
            if not json:
                mark = ("identical", "green") if check.same else ("different", "red")
                facts = f"  {check.name:20} {check.seconds:6.1f} s  "
                out().print(Text.assemble(mark, facts, (check.note, "dim")))
    if json:
        print_json([dataclasses.asdict(check) for check in checks])
    return ExitCode.OK if all(check.same for check in checks) else ExitCode.FAILED
