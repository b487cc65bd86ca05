"""``mevis-bench gate``: regression check against a baseline."""

import sys

from mevis_bench.cli import arguments, options


def command(
    runs: arguments.ScoredRuns,
    expected: options.BaselineFile,
    out: options.Out = None,
    accept: options.FormerAccept = False,
    json: options.Json = False,
) -> int:
    """Compare runs with a baseline. Exit code: 0 ok, 1 regressed, 2 invalid, 3 nothing measured, 4 incomparable."""
    from mevis_bench.cli import console
    from mevis_bench.cli.accept import command as accept_runs
    from mevis_bench.files.atomic import atomic_write
    from mevis_bench.reports import gate, gate_files

    if accept:
        console.print_deprecated("gate --accept", "mevis-bench accept")
        accept_runs(runs, expected)
    entries = gate.check_regressions(gate.read_baseline(expected), runs)
    if out is not None:
        atomic_write(out / "gate.md", gate_files.to_markdown(entries))
        atomic_write(out / "gate.junit.xml", gate_files.to_junit(entries))
        atomic_write(out / "gate.json", gate_files.to_json(entries))
    if json:
        sys.stdout.write(gate_files.to_json(entries))
    else:
        console.out().print(gate_files.to_terminal(entries))
    return gate.exit_code(entries)
