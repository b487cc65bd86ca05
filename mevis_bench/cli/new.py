"""``mevis-bench new``: something working to start from."""

from pathlib import Path
from typing import Annotated

import typer

command = typer.Typer(no_args_is_help=True)


@command.callback()
def _group() -> None:
    """Something working to start from: a method."""


@command.command()
def method(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower case letters, digits and _.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Default: baselines/ of a checkout, else methods/ here."),
    ] = None,
) -> None:
    """Copy a method that works and passes its own test."""
    from mevis_bench.cli.console import err
    from mevis_bench.methods.new_method import new_method

    built_in = out is None and Path("baselines/empty/method.yaml").is_file()
    folder = out or Path("baselines" if built_in else "methods")
    place = new_method(name, folder)
    more = "" if built_in else f" --method-dir {folder}"
    console = err()
    console.print(f"made {place}", style="green", soft_wrap=True)
    console.print(f"test it:  pytest {place}", markup=False, soft_wrap=True)
    console.print(
        f"run it:   mevis-bench run --task rvos --method {name}{more} --limit 10", markup=False, soft_wrap=True
    )
