"""``mevis-bench show``: everything about one thing."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mevis_bench.cli import options

if TYPE_CHECKING:
    from rich.console import Console

    from mevis_bench.methods.registry import MethodEntry

command = typer.Typer(no_args_is_help=True, add_completion=False)


@command.callback()
def _group() -> None:
    """Everything about one method."""


@command.command()
def method(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A method, or method:variant.")],
    method_dir: options.MethodDirs,
    weights: options.Weights,
    json: options.Json = False,
) -> None:
    """Everything that method.yaml says, and where the weights are."""
    from mevis_bench.cli.console import out, print_json
    from mevis_bench.methods.registry import find_methods
    from mevis_bench.methods.weights import parse_weights

    store = parse_weights(weights).store
    chosen = find_methods(method_dir).choose(name)
    variants = [chosen.variant] if ":" in name else list(chosen.method.spec.variants)
    if json:
        found = chosen.method
        print_json({**dataclasses.asdict(found.spec), "origin": found.origin, "folder": str(found.folder)})
        return
    console = out()
    _print_head(console, chosen.method)
    for variant in variants:
        _print_variant(console, chosen.method, variant, store)


def _print_head(console: "Console", found: "MethodEntry") -> None:
    from rich.text import Text

    from mevis_bench.cli.console import facts_table

    spec = found.spec
    own = spec.environment
    needs = None if own is None else ", ".join(filter(None, (f"Python {own.python}", own.requirements)))
    console.print(Text.assemble((spec.title, "bold"), "  ", (spec.name, "cyan"), "  ", (found.origin, "dim")))
    console.print(
        facts_table(
            {
                "paper": spec.paper,
                "code": spec.code,
                "license": spec.license,
                "folder": str(found.folder),
                "environment": needs or "that of mevis-bench",
                "command": None if spec.command is None else " ".join(spec.command.run),
            }
        )
    )


def _print_variant(console: "Console", found: "MethodEntry", variant: str, store: Path) -> None:
    from rich.text import Text

    from mevis_bench.cli.console import facts_table
    from mevis_bench.methods.registry import ResolvedMethod
    from mevis_bench.methods.weights import provenance, weights_state

    chosen = ResolvedMethod(found, variant)
    spec = chosen.spec
    default = "  (default)" if variant == found.spec.default_variant else ""
    console.print()
    console.print(Text.assemble((f"{found.spec.name}:{variant}", "bold"), (default, "dim"), "  ", spec.title))
    facts: dict[str, str | None] = {
        "tasks": ", ".join(spec.tasks),
        "outputs": ", ".join(spec.outputs),
        "weights": f"{weights_state(chosen, store)}, {provenance(chosen)}" if spec.weights else "none needed",
    }
    for name, weights in spec.weights.items():
        facts[f"  {name}"] = weights.file
        facts[f"  {name} from"] = f"{weights.source} ({weights.license})"
        facts[f"  {name} sha256"] = weights.sha256 or "not known"
    facts["options"] = "  ".join(f"{key}={value}" for key, value in spec.options.items()) or None
    facts["notes"] = spec.notes
    console.print(facts_table(facts))
