"""``mevis-bench compare``: two runs, sample by sample."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mevis_bench.cli import options

if TYPE_CHECKING:
    from rich.console import Group

    from mevis_bench.reports.compare import Comparison

NOTES = (
    "Effects are differences of means over samples, for metrics that pool counts (HOTA), too.",
    "Intervals: 95 %, whole videos resampled. p: signs of whole videos flipped; Holm over the slices of a metric.",
    "Detectable: the smallest true difference this many videos show (power 80 %). Dim: fewer than 30 samples.",
)
SHOWN = 5
"""Samples shown at each end of the list of changes; ``--json`` has them all."""


def command(
    first: Annotated[Path, typer.Argument(metavar="A", help="A scored run folder.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="The run to hold against it.")],
    metric: Annotated[
        str | None, typer.Option("--metric", metavar="NAME", help="The per-sample metric that ranks the samples.")
    ] = None,
    seed: options.Seed = 0,
    json: options.Json = False,
) -> None:
    """Two runs over the same samples: effect, interval and p-value, paired by sample and clustered by video."""
    from dataclasses import asdict

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.reports.compare import compare_runs

    comparison = compare_runs(first, second, metric=metric, seed=seed)
    if json:
        print_json(asdict(comparison))
        return
    console = out()
    console.print(_draw_differences(comparison))
    if comparison.unpaired:
        console.print(f"[yellow]{comparison.unpaired} samples are in one run only and were left out.[/yellow]")
    if not comparison.changes:
        console.print(f"No sample changed in {comparison.metric}.")
        return
    console.print(_draw_changes(comparison))


def _draw_differences(comparison: "Comparison") -> "Group":
    from rich.markup import escape

    from mevis_bench.reports.terminal import terminal_table, titled

    table = terminal_table()
    for name in ("metric", "slice"):
        table.add_column(name)
    for name in ("samples", "videos", "effect", "95 % interval", "p", "detectable"):
        table.add_column(name, justify="right")
    for entry in comparison.differences:
        if entry.slice == "all":
            table.add_section()
        found = entry.difference
        style = "dim" if entry.small else "bold" if entry.adjusted_p < 0.05 else ""
        table.add_row(
            escape(entry.metric) if entry.slice == "all" else "",
            escape(entry.slice),
            str(found.samples),
            str(found.videos),
            f"{100 * found.effect:+.2f}",
            f"{100 * found.low:+.2f} .. {100 * found.high:+.2f}",
            f"{entry.adjusted_p:.4f}",
            f"{100 * found.detectable:.2f}",
            style=style,
        )
    return titled("B minus A, percentage points", table, *NOTES)


def _draw_changes(comparison: "Comparison") -> "Group":
    from rich.markup import escape

    from mevis_bench.reports.terminal import terminal_table, titled

    worse = [change for change in comparison.changes if change.change < 0]
    better = [change for change in comparison.changes if change.change > 0]
    table = terminal_table()
    table.add_column("sample")
    for name in ("A", "B", "change"):
        table.add_column(name, justify="right")
    for changes in (worse[:SHOWN], better[-SHOWN:][::-1]):
        for change in changes:
            cells = (f"{100 * change.before:.1f}", f"{100 * change.after:.1f}", f"{100 * change.change:+.1f}")
            table.add_row(escape(change.sample), *cells, style="red" if change.change < 0 else "green")
        table.add_section()
    return titled(f"{len(worse)} samples worse, {len(better)} better in {comparison.metric}, percent", table)
