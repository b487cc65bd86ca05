"""``mevis-bench gate``: regression check against a baseline."""

from pathlib import Path
from typing import Annotated

import typer

from mevis_bench.cli import options


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Scored run folders.")],
    expected: Annotated[
        Path, typer.Option("--expected", metavar="FILE", help="The baseline (configs/suites/*.expected.json).")
    ],
    out: options.Out = None,
    accept: Annotated[bool, typer.Option("--accept", help="Write these runs as the new baseline.")] = False,
    json: options.Json = False,
) -> int:
    """Compare runs with a baseline. Exit code: 0 ok, 1 regressed, 3 nothing measured, 4 incomparable."""
    from mevis_bench.cli import console
    from mevis_bench.reports import gate, gate_files

    if accept:
        tolerance = gate.read_baseline(expected).tolerance if expected.is_file() else gate.DEFAULT_TOLERANCE
        expected.parent.mkdir(parents=True, exist_ok=True)
        expected.write_text(gate.baseline_text(runs, tolerance), encoding="utf-8")
        console.err().print(f"wrote baseline of {len(runs)} runs: {expected}", markup=False)
    entries = gate.check_regressions(gate.read_baseline(expected), runs)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "gate.md").write_text(gate_files.to_markdown(entries), encoding="utf-8")
        (out / "gate.junit.xml").write_text(gate_files.to_junit(entries), encoding="utf-8")
        (out / "gate.json").write_text(gate_files.to_json(entries), encoding="utf-8")
    if json:
        typer.echo(gate_files.to_json(entries), nl=False)
    else:
        console.out().print(gate_files.to_terminal(entries))
    return gate.exit_code(entries)
