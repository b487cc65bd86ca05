"""``mevis-bench list``: available tasks and methods."""

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from mevis_bench.cli import options
from mevis_bench.records.task_names import TASK_NAMES

if TYPE_CHECKING:
    from rich.text import Text

    from mevis_bench.methods.method_list import MethodRow
    from mevis_bench.methods.registry import ResolvedMethod
    from mevis_bench.reports.terminal import FittedTable
    from mevis_bench.tasks import Task

command = typer.Typer(no_args_is_help=True, add_completion=False)

_STATE_STYLES = {"none needed": "dim", "shipped": "green", "in store": "green", "missing": "yellow"}


@command.callback()
def _group() -> None:
    """List tasks or methods."""


@command.command()
def tasks(json: options.Json = False) -> None:
    """List the tasks and their metrics."""
    from rich.text import Text

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.reports.terminal import FittedTable
    from mevis_bench.tasks import TASKS

    if json:
        print_json([_describe(task) for task in TASKS.values()])
        return
    table = FittedTable(("task", "title", "metrics"))
    for task in TASKS.values():
        table.add_row(Text(task.name, "bold"), task.title, Text(", ".join(task.columns), "dim"))
    out().print(table)
    for task in TASKS.values():
        out().print(task.example, style="dim", soft_wrap=True)


def _describe(task: "Task") -> dict[str, object]:
    return {
        "name": task.name,
        "title": task.title,
        "prompt": task.prompt_type.__name__,
        "prediction": task.prediction_type.__name__,
        "metrics": task.columns,
        "headlines": task.headlines,
        "paper_tables": task.paper_tables,
        "example": task.example,
        "columns": [{**dataclasses.asdict(metric), "range": _finite(metric.range)} for metric in task.metrics],
    }


def _finite(bounds: tuple[float, float]) -> list[float | None]:
    """Return bounds for JSON, which has no infinity; ``None``: there is no bound."""
    return [bound if math.isfinite(bound) else None for bound in bounds]


@command.command("data-sets")
def data_sets(json: options.Json = False) -> None:
    """List the registered data sets: version, tasks, splits, license and scoring protocol of each."""
    from mevis_bench.cli.console import out, print_json
    from mevis_bench.data.registry import find_datasets
    from mevis_bench.reports.terminal import FittedTable

    infos = [entry.info for entry in find_datasets().values()]
    if json:
        print_json([dataclasses.asdict(info) for info in infos])
        return
    console = out()
    columns = ("data set", "version", "tasks", "splits", "protocol", "title", "license")
    table = FittedTable(columns, optional=("title", "license"))
    for info in infos:
        tasks, splits = ", ".join(info.tasks), ", ".join(info.splits)
        table.add_row(info.name, info.version, tasks, splits, info.protocol, info.title, info.license)
    console.print(table)
    console.print("mevis-bench data info NAME shows one of them, its source and its layout.", style="dim")


@command.command()
def methods(
    method_dir: options.MethodDirs,
    weights: options.Weights,
    task: options.TaskName = None,
    capabilities: options.Capabilities = False,
    sizes: options.Sizes = False,
    json: options.Json = False,
) -> None:
    """List methods and variants with their tasks, weights and provenance."""
    if capabilities:
        _list_capabilities(json=json)
        return
    from rich.text import Text

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.methods.method_list import overview
    from mevis_bench.methods.registry import find_methods
    from mevis_bench.methods.weights import parse_weights
    from mevis_bench.tasks import find_task

    if task is not None:
        find_task(task)
    registry = find_methods(method_dir)
    rows = [row for row in overview(registry, parse_weights(weights).store) if task in (None, *row.tasks, *row.derived)]
    if sizes:
        _list_sizes([registry.resolve(row.name) for row in rows], json=json)
        return
    if json:
        invalid = [dataclasses.asdict(entry) for entry in registry.broken]
        print_json({"methods": [dataclasses.asdict(row) for row in rows], "broken": invalid})
        return
    console = out()
    console.print(_table(rows))
    legend = (("●", "cyan"), " native   ", ("○", "cyan"), " through a bridge   ", ("(run --bridge)", "dim"))
    console.print(Text.assemble(*legend))
    for entry in registry.broken:
        console.print(Text.assemble(("✗ invalid", "red"), "  ", (entry.name, "bold"), "  ", (entry.origin, "dim")))
        console.print(f"  {entry.reason}", markup=False, soft_wrap=True)


def _list_capabilities(*, json: bool) -> None:
    from rich.text import Text

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.methods.capabilities import COLUMNS, cells, read_capabilities
    from mevis_bench.reports.terminal import FittedTable

    methods = read_capabilities()
    if json:
        print_json([dataclasses.asdict(method) for method in methods])
        return
    table = FittedTable(COLUMNS)
    for method in methods:
        title, *rest = cells(method)
        table.add_row(Text(title, "" if method.method is None else "bold"), *rest)
    out().print(table)


def _list_sizes(variants: Sequence["ResolvedMethod"], *, json: bool) -> None:
    from mevis_bench.cli.console import err, out, print_json
    from mevis_bench.methods.sizes import variant_size
    from mevis_bench.records import MevisBenchError
    from mevis_bench.reports.terminal import FittedTable

    found, failed = [], {}
    for variant in variants:
        try:
            size = variant_size(variant)
        except MevisBenchError as error:  # one that needs settings of the user, as the address of an API
            failed[variant.name] = error.message
            continue
        if size is not None and size.parameters:
            found.append(size)
    if json:
        print_json({"sizes": [dataclasses.asdict(size) for size in found], "not_built": failed})
        return
    numbers = ("parameters (M)", "weights (GB)")
    table = FittedTable(("method", *numbers), numbers)
    for size in found:
        table.add_row(size.name, f"{size.parameters / 1e6:,.1f}", f"{size.bytes / 1e9:,.2f}")
    out().print(table)
    for name, message in failed.items():
        err().print(f"not built: {name}: {message}", markup=False, soft_wrap=True)


def _table(rows: Sequence["MethodRow"]) -> "FittedTable":
    from rich.text import Text

    from mevis_bench.reports.terminal import FittedTable

    table = FittedTable(("method", *TASK_NAMES, "weights", "provenance", "title"), optional=("provenance", "title"))
    for row in rows:
        method, _, variant = row.name.partition(":")
        name_style, variant_style = ("bold", "dim") if row.default else ("", "bold")
        label = Text.assemble((method, name_style), (":", "dim" if row.default else ""), (variant, variant_style))
        marks = [_mark(task, row) for task in TASK_NAMES]
        state = Text(row.weights, _STATE_STYLES[row.weights])
        table.add_row(label, *marks, state, row.provenance, Text(row.title, "dim"))
    return table


def _mark(task: str, row: "MethodRow") -> "Text":
    from rich.text import Text

    if task in row.tasks:
        return Text("●", "cyan", justify="center")
    return Text("○" if task in row.derived else "", "cyan", justify="center")
