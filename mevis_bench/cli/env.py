"""``mevis-bench env``: separate Python environments of methods."""

import typer

from mevis_bench.cli import arguments, options

command = typer.Typer(no_args_is_help=True, add_completion=False)


@command.callback()
def _group() -> None:
    """Create and check the Python environments of methods that need a separate one."""


@command.command()
def create(
    name: arguments.IsolatedMethod,
    method_dir: options.MethodDirs,
    python: options.BasePython = None,
    recreate: options.Recreate = False,
) -> None:
    """Create a method's environment from its requirements, with uv if installed, else with venv and pip."""
    from mevis_bench.cli.console import err
    from mevis_bench.execution.environments import create_environment
    from mevis_bench.methods.registry import find_methods

    console = err()
    entry = find_methods(method_dir).resolve(name).method
    folder = create_environment(
        entry,
        python,
        recreate=recreate,
        log=lambda command: console.print(f"$ {command}", style="dim", markup=False, soft_wrap=True),
    )
    console.print(f"created {folder}", style="green", markup=False, soft_wrap=True)
    console.print(f"check it:  mevis-bench env doctor {entry.spec.name}", markup=False, soft_wrap=True)


@command.command()
def doctor(name: arguments.IsolatedMethod, method_dir: options.MethodDirs, json: options.Json = False) -> int:
    """Start a method's environment process and check Python, packages and imports; exit code 1 on any error."""
    import dataclasses

    from rich.text import Text

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.execution.environments import check_environment
    from mevis_bench.methods.registry import find_methods
    from mevis_bench.records import ExitCode

    checks = list(check_environment(find_methods(method_dir).resolve(name).method))
    if json:
        # "fault" and "told" are the keys of versions before 0.2.
        print_json([{**dataclasses.asdict(check), "fault": check.problem, "told": check.details} for check in checks])
    else:
        console = out()
        for check in checks:
            mark = ("ok    ", "green") if check.problem is None else ("error ", "red")
            line = Text.assemble(mark, (f"{check.name:10}", "bold"), check.details)
            console.print(line if check.problem is None else line.append(f": {check.problem}"), soft_wrap=True)
    return ExitCode.OK if all(check.problem is None for check in checks) else ExitCode.FAILED


@command.command()
def diff(name: arguments.IsolatedMethod, method_dir: options.MethodDirs, json: options.Json = False) -> int:
    """List every requirement with the installed version; exit code 1 if one is not met."""
    import dataclasses

    from rich.text import Text

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.execution.environments import package_rows
    from mevis_bench.methods.registry import find_methods
    from mevis_bench.records import ExitCode
    from mevis_bench.reports.terminal import FittedTable

    rows = package_rows(find_methods(method_dir).resolve(name).method)
    if json:
        # "wanted" is the key of versions before 0.2.
        print_json([{**dataclasses.asdict(row), "wanted": row.required} for row in rows])
    else:
        table = FittedTable(("required", "installed", "state"))
        for row in rows:
            state = Text("ok", "green") if row.fits else Text("differs" if row.installed else "missing", "red")
            table.add_row(row.required, row.installed or "-", state)
        out().print(table)
    return ExitCode.OK if all(row.fits for row in rows) else ExitCode.FAILED
