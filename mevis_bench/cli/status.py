"""``mevis-bench status``: progress of runs."""

from mevis_bench.cli import arguments, options


def command(runs: arguments.RunsOrAll = None, json: options.Json = False) -> None:
    """Show the progress of runs, including those of other processes."""
    import dataclasses

    from rich.text import Text

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.reports.terminal import terminal_table
    from mevis_bench.runs.predict import RUNS
    from mevis_bench.runs.status import find_runs, run_state

    states = [run_state(path) for path in runs or find_runs(RUNS)]
    if json:
        print_json([dataclasses.asdict(state) for state in states])
        return
    table = terminal_table()
    table.add_column("run")
    table.add_column("state")
    for name in ("done", "failed", "of"):
        table.add_column(name, justify="right")
    table.add_column("started")
    styles = {"running": "cyan", "finished": "green", "failed": "red"}
    for state in states:
        shown = Text(state.state, styles.get(state.state, "yellow"))
        table.add_row(str(state.folder), shown, str(state.done), str(state.failed), str(state.total), state.started)
    out().print(table)
