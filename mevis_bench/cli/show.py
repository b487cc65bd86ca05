"""``mevis-bench show``: details of one method."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mevis_bench.cli import arguments, options

if TYPE_CHECKING:
    from rich.console import Console

    from mevis_bench.methods.registry import MethodEntry

command = typer.Typer(no_args_is_help=True, add_completion=False)


@command.callback()
def _group() -> None:
    """Show details of one method."""


@command.command()
def method(
    name: arguments.AnyMethod, method_dir: options.MethodDirs, weights: options.Weights, json: options.Json = False
) -> None:
    """Show the contents of method.yaml and the state of the weights."""
    from mevis_bench.cli.console import out, print_json
    from mevis_bench.methods.registry import find_methods
    from mevis_bench.methods.weights import parse_weights

    store = parse_weights(weights).store
    resolved = find_methods(method_dir).resolve(name)
    variants = [resolved.variant] if ":" in name else list(resolved.method.spec.variants)
    if json:
        entry = resolved.method
        print_json({**dataclasses.asdict(entry.spec), "origin": entry.origin, "folder": str(entry.folder)})
        return
    console = out()
    _print_head(console, resolved.method)
    for variant in variants:
        _print_variant(console, resolved.method, variant, store)


def _print_head(console: "Console", entry: "MethodEntry") -> None:
    from rich.text import Text

    from mevis_bench.reports.terminal import FactsTable

    spec = entry.spec
    environment = spec.environment
    needs = environment and ", ".join(filter(None, (f"Python {environment.python}", environment.requirements)))
    console.print(Text.assemble((spec.title, "bold"), "  ", (spec.name, "cyan"), "  ", (entry.origin, "dim")))
    console.print(
        FactsTable(
            {
                "paper": spec.paper,
                "code": spec.code,
                "license": spec.license,
                "folder": str(entry.folder),
                "environment": needs or "same as mevis-bench",
                "command": None if spec.command is None else " ".join(spec.command.run),
            }
        )
    )


def _print_variant(console: "Console", entry: "MethodEntry", variant: str, store: Path) -> None:
    from rich.text import Text

    from mevis_bench.methods.registry import ResolvedMethod
    from mevis_bench.methods.weights import provenance, weights_state
    from mevis_bench.reports.terminal import FactsTable

    resolved = ResolvedMethod(entry, variant)
    spec = resolved.spec
    default = "  (default)" if variant == entry.spec.default_variant else ""
    console.print()
    console.print(Text.assemble((f"{entry.spec.name}:{variant}", "bold"), (default, "dim"), "  ", spec.title))
    facts: dict[str, str | None] = {
        "tasks": ", ".join(spec.tasks),
        "outputs": ", ".join(spec.outputs),
        "weights": f"{weights_state(resolved, store)}, {provenance(resolved)}" if spec.weights else "none needed",
    }
    for name, weights in spec.weights.items():
        facts[f"  {name}"] = weights.file
        facts[f"  {name} from"] = f"{weights.source} ({weights.license})"
        facts[f"  {name} sha256"] = weights.sha256 or "unknown"
    facts["options"] = "  ".join(f"{key}={value}" for key, value in spec.options.items()) or None
    facts["notes"] = spec.notes
    console.print(FactsTable(facts))
