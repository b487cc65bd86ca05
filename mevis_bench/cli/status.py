"""``mevis-bench status``: progress of runs."""

from mevis_bench.cli import arguments, options


def command(runs: arguments.RunsOrAll = None, json: options.Json = False) -> None:
    """Show the progress of runs, including those of other processes."""
    import dataclasses

    from rich.text import Text

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.reports.terminal import FittedTable
    from mevis_bench.runs.predict import RUNS
    from mevis_bench.runs.status import find_runs, run_state

    states = [run_state(path) for path in runs or find_runs(RUNS)]
    if json:
        print_json([dataclasses.asdict(state) for state in states])
        return
    if not states:
        out().print(f"No runs in {RUNS}. See mevis-bench run --help", markup=False)
        return
    table = FittedTable(("run", "state", "done", "started"), optional=("started",))
    styles = {"running": "cyan", "finished": "green", "failed": "red"}
    for state in states:
        shown = Text(state.state, styles.get(state.state, "yellow"))
        failed = f", {state.failed} failed" if state.failed else ""
        table.add_row(str(state.folder), shown, f"{state.done}/{state.total}{failed}", state.started)
    out().print(table)
