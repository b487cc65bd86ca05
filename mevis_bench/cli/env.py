"""``mevis-bench env``: environments of methods that can't live in this one."""

from pathlib import Path
from typing import Annotated

import typer

from mevis_bench.cli import options

command = typer.Typer(no_args_is_help=True, add_completion=False)

MethodName = Annotated[str, typer.Argument(metavar="NAME", help="A method whose method.yaml has 'environment:'.")]


@command.callback()
def _group() -> None:
    """Make and check the environments of methods that have one of their own."""


@command.command()
def create(
    name: MethodName,
    method_dir: options.MethodDirs,
    python: Annotated[
        Path | None,
        typer.Option("--python", metavar="FILE", help="Interpreter to start from. Default: the newest that fits."),
    ] = None,
    recreate: Annotated[bool, typer.Option("--recreate", help="Remove the one that is there.")] = False,
) -> None:
    """Make a method's environment from its requirements, with uv where it is installed, else with venv and pip."""
    from mevis_bench.cli.console import err
    from mevis_bench.execution.environments import create_environment
    from mevis_bench.methods.registry import find_methods

    console = err()
    found = find_methods(method_dir).choose(name).method
    folder = create_environment(
        found,
        python,
        anew=recreate,
        tell=lambda words: console.print(f"$ {words}", style="dim", markup=False, soft_wrap=True),
    )
    console.print(f"made {folder}", style="green", markup=False, soft_wrap=True)
    console.print(f"check it:  mevis-bench env doctor {found.spec.name}", markup=False, soft_wrap=True)


@command.command()
def doctor(name: MethodName, method_dir: options.MethodDirs, json: options.Json = False) -> int:
    """Start a method's worker and check Python, packages and imports; exit code 1 if anything is wrong."""
    import dataclasses

    from rich.text import Text

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.execution.environments import check_environment
    from mevis_bench.methods.registry import find_methods
    from mevis_bench.records import ExitCode

    checks = list(check_environment(find_methods(method_dir).choose(name).method))
    if json:
        print_json([dataclasses.asdict(check) for check in checks])
    else:
        console = out()
        for check in checks:
            mark = ("ok    ", "green") if check.fault is None else ("fault ", "red")
            line = Text.assemble(mark, (f"{check.name:10}", "bold"), check.told)
            console.print(line if check.fault is None else line.append(f": {check.fault}"), soft_wrap=True)
    return ExitCode.OK if all(check.fault is None for check in checks) else ExitCode.FAILED


@command.command()
def diff(name: MethodName, method_dir: options.MethodDirs, json: options.Json = False) -> int:
    """Every requirement beside the version that is installed; exit code 1 if one is not met."""
    import dataclasses

    from rich.text import Text

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.execution.environments import package_rows
    from mevis_bench.methods.registry import find_methods
    from mevis_bench.records import ExitCode
    from mevis_bench.reports.terminal import terminal_table

    rows = package_rows(find_methods(method_dir).choose(name).method)
    if json:
        print_json([dataclasses.asdict(row) for row in rows])
    else:
        table = terminal_table()
        for heading in ("wanted", "installed", ""):
            table.add_column(heading)
        for row in rows:
            state = Text("ok", "green") if row.fits else Text("differs" if row.installed else "missing", "red")
            table.add_row(row.wanted, row.installed or "-", state)
        out().print(table)
    return ExitCode.OK if all(row.fits for row in rows) else ExitCode.FAILED
