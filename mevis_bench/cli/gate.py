"""``mevis-bench gate``: has anything become worse than what was accepted?"""

from pathlib import Path
from typing import Annotated

import typer

from mevis_bench.cli import options


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Scored run folders.")],
    expected: Annotated[
        Path, typer.Option("--expected", metavar="FILE", help="The accepted results (configs/suites/*.expected.json).")
    ],
    out: options.Out = None,
    accept: Annotated[bool, typer.Option("--accept", help="Make these runs the accepted results.")] = False,
    json: options.Json = False,
) -> int:
    """Hold runs against the accepted results. Exit code: 0 ok, 1 regressed, 3 nothing measured, 4 incomparable."""
    from mevis_bench.cli import console
    from mevis_bench.reports import gate, gate_files

    if accept:
        tolerance = gate.read_baseline(expected).tolerance if expected.is_file() else gate.DEFAULT_TOLERANCE
        expected.parent.mkdir(parents=True, exist_ok=True)
        expected.write_text(gate.baseline_text(runs, tolerance), encoding="utf-8")
        console.err().print(f"accepted {len(runs)} runs: {expected}", markup=False)
    entries = gate.judge(gate.read_baseline(expected), runs)
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
