"""``mevis-bench weights``: which are here, which are missing and where they come from, and adding them."""

from pathlib import Path
from typing import Annotated

import typer

from mevis_bench.cli import options

command = typer.Typer(no_args_is_help=True)

_STATE_STYLES = {"shipped": "green", "in store": "green", "missing": "yellow"}


@command.callback()
def _group() -> None:
    """Which weights are here, which are missing and where they come from."""


@command.command("list")
def list_(
    method_dir: options.MethodDirs,
    weights: options.Weights,
    method: Annotated[str | None, typer.Argument(metavar="METHOD", help="Only this method.")] = None,
    json: options.Json = False,
) -> None:
    """Every weights file: where it is or comes from, and its license."""
    import dataclasses

    from rich.text import Text

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.methods.method_list import weights_overview
    from mevis_bench.methods.registry import find_methods
    from mevis_bench.methods.weights import parse_weights
    from mevis_bench.reports.terminal import terminal_table

    registry = find_methods(method_dir)
    only = registry.choose(method).method.spec.name if method is not None else None
    rows = [row for row in weights_overview(registry, parse_weights(weights).store) if only in (None, row.method)]
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
    method: Annotated[str, typer.Argument(metavar="METHOD[:VARIANT]", help="Whose weights they are.")],
    files: Annotated[list[str], typer.Argument(metavar="[NAME=]FILE", help="Files or folders of weights.")],
    json: options.Json = False,
) -> None:
    """Check files (hash where known, safe loading, the method loads them) and put them into the store."""
    from mevis_bench.cli.console import err, print_json
    from mevis_bench.methods.registry import find_methods
    from mevis_bench.methods.weights import parse_weights
    from mevis_bench.methods.weights_store import add_weights

    chosen = find_methods(method_dir).choose(method)
    named = {}
    for word in files:
        name, equals, rest = word.partition("=")
        named[name if equals else ""] = Path(rest if equals else word).expanduser()
    added = add_weights(chosen, named, parse_weights(weights).store)
    if json:
        print_json({name: str(path) for name, path in added.paths.items()})
        return
    for name, path in added.paths.items():
        err().print(f"{chosen.name} {name}: {path}", markup=False, soft_wrap=True)
    if added.missing:
        told = f"not tried yet: {chosen.name} also needs {', '.join(added.missing)} (mevis-bench weights list)"
        err().print(told, markup=False, soft_wrap=True)
