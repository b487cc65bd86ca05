"""``mevis-bench weights``: list weights files and add them to the store."""

from pathlib import Path

import typer

from mevis_bench.cli import options

command = typer.Typer(no_args_is_help=True)

_STATE_STYLES = {"shipped": "green", "in store": "green", "missing": "yellow"}


@command.callback()
def _group() -> None:
    """List weights files and their state, or add files to the store."""


@command.command("list")
def list_(
    method_dir: options.MethodDirs,
    weights: options.Weights,
    method: options.OnlyMethod = None,
    json: options.Json = False,
) -> None:
    """List every weights file with its state, source and license."""
    import dataclasses

    from rich.text import Text

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.methods.method_list import weights_overview
    from mevis_bench.methods.registry import find_methods
    from mevis_bench.methods.weights import parse_weights
    from mevis_bench.reports.terminal import terminal_table

    registry = find_methods(method_dir)
    selected = registry.resolve(method).method.spec.name if method is not None else None
    rows = [row for row in weights_overview(registry, parse_weights(weights).store) if selected in (None, row.method)]
    if json:
        print_json([dataclasses.asdict(row) for row in rows])
        return
    table = terminal_table()
    for name in ("weights", "state", "license", "source"):
        table.add_column(name, overflow="fold")
    last = ""
    for row in rows:
        if last and row.method != last:
            table.add_section()
        last = row.method
        location = Text.assemble((row.method, "bold"), (f" {row.name} ", "dim"), row.file)
        table.add_row(location, Text(row.state, _STATE_STYLES[row.state]), row.license, Text(row.source, "dim"))
    out().print(table)


@command.command()
def add(
    method_dir: options.MethodDirs,
    weights: options.Weights,
    method: options.WeightsOwner,
    files: options.WeightsFiles,
    json: options.Json = False,
) -> None:
    """Check files (hash if known, safe loading, the method loads them) and add them to the store."""
    from mevis_bench.cli.console import err, print_json
    from mevis_bench.methods.registry import find_methods
    from mevis_bench.methods.weights import parse_weights
    from mevis_bench.methods.weights_store import add_weights

    resolved = find_methods(method_dir).resolve(method)
    named = {}
    for argument in files:
        name, equals, path = argument.partition("=")
        named[name if equals else ""] = Path(path if equals else argument).expanduser()
    added = add_weights(resolved, named, parse_weights(weights).store)
    if json:
        print_json({name: str(path) for name, path in added.paths.items()})
        return
    for name, location in added.paths.items():
        err().print(f"{resolved.name} {name}: {location}", markup=False, soft_wrap=True)
    if added.missing:
        note = f"not loaded yet: {resolved.name} also needs {', '.join(added.missing)} (mevis-bench weights list)"
        err().print(note, markup=False, soft_wrap=True)
