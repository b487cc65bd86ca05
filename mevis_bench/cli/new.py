"""``mevis-bench new``: templates."""

from pathlib import Path

import typer

from mevis_bench.cli import arguments, options

command = typer.Typer(no_args_is_help=True)


@command.callback()
def _group() -> None:
    """Create a method from a template."""


@command.command()
def method(name: arguments.NewMethodName, out: options.MethodOut = None) -> None:
    """Create a working method with a test from a template."""
    from mevis_bench.cli.console import err
    from mevis_bench.methods.new_method import new_method

    built_in = out is None and Path("baselines/empty/method.yaml").is_file()
    folder = out or Path("baselines" if built_in else "methods")
    path = new_method(name, folder)
    extra = "" if built_in else f" --method-dir {folder}"
    console = err()
    console.print(f"created {path}", style="green", soft_wrap=True)
    console.print(f"test it:  pytest {path}", markup=False, soft_wrap=True)
    console.print(
        f"run it:   mevis-bench run --task rvos --method {path.name}{extra} --limit 10", markup=False, soft_wrap=True
    )
