"""``mevis-bench accept``: store scored runs as the baseline of ``gate``."""

from mevis_bench.cli import arguments, options


def command(runs: arguments.BaselineRuns, expected: options.NewBaselineFile) -> None:
    """Store scored runs as the baseline that gate compares with; prints what changes against the former one."""
    from mevis_bench.cli import console
    from mevis_bench.files.atomic import atomic_write
    from mevis_bench.reports import gate, gate_files

    former = gate.read_baseline(expected) if expected.exists() else None
    text = gate.baseline_text(runs, gate.DEFAULT_TOLERANCE if former is None else former.tolerance)
    if former is not None:
        console.out().print(gate_files.to_terminal(gate.check_regressions(former, runs), "against the former baseline"))
    atomic_write(expected, text)
    console.err().print(f"wrote baseline of {len(runs)} runs: {expected}", markup=False, soft_wrap=True)
