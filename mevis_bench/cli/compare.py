"""``mevis-bench compare``: paired comparison of two runs."""

from typing import TYPE_CHECKING

from mevis_bench.cli import arguments, options

if TYPE_CHECKING:
    from rich.console import Group

    from mevis_bench.reports.compare import Comparison, SliceDifference

NOTES = (
    "Effects are differences of means over samples, also for metrics that pool counts (HOTA).",
    "Intervals: 95 %, bootstrap over videos. p: sign flips per video, Holm-corrected over the slices of a metric.",
    "n: samples. MDE: minimum detectable effect with this many videos (power 80 %). Dimmed: fewer than 30 samples.",
)
OTHER_SLICES = "Only the slices of {} are shown; --json has those of the other metrics."
TOO_FEW = "Fewer than {} videos: no interval and no p-value (-), nothing can be claimed about a difference."
MAX_ROWS = 5
"""Samples printed at each end of the list of changes; ``--json`` has all of them."""


def command(
    first: arguments.RunA,
    second: arguments.RunB,
    metric: options.MetricName = None,
    seed: options.Seed = 0,
    json: options.Json = False,
) -> None:
    """Compare two runs over the same samples: effect, interval and p-value, paired by sample, clustered by video."""
    from dataclasses import asdict

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.reports.compare import compare_runs

    comparison = compare_runs(first, second, metric=metric, seed=seed)
    if json:
        print_json(asdict(comparison))
        return
    console = out()
    console.print(_differences_table(comparison))
    if comparison.unpaired:
        note = f"{comparison.unpaired} samples are in only one of the runs and were left out."
        console.print(note, style="yellow")
    if not comparison.changes:
        console.print(f"No sample changed in {comparison.metric}.")
        return
    console.print(_changes_table(comparison))


def _differences_table(comparison: "Comparison") -> "Group":
    from mevis_bench.metrics.statistics import MIN_VIDEOS
    from mevis_bench.reports.terminal import FittedTable, titled

    numbers = ("n", "videos", "effect", "95 % interval", "p", "MDE")
    table = FittedTable(("metric, slice", *numbers), numbers)
    for entry in comparison.differences:
        if entry.slice != "all" and entry.metric != comparison.metric:
            continue
        difference = entry.difference
        style = "dim" if entry.small else "bold" if entry.adjusted_p is not None and entry.adjusted_p < 0.05 else ""
        metric = entry.metric + ("" if entry.scale == 100 else " (count)")
        table.add_row(
            metric if entry.slice == "all" else f"  {entry.slice}",
            str(difference.samples),
            str(difference.videos),
            f"{entry.scale * difference.effect:+.2f}",
            *_claims(entry),
            style=style,
        )
    notes = list(NOTES)
    if any(entry.slice != "all" and entry.metric != comparison.metric for entry in comparison.differences):
        notes.append(OTHER_SLICES.format(comparison.metric))
    if any(entry.difference.low is None for entry in comparison.differences):
        notes.append(TOO_FEW.format(MIN_VIDEOS))
    return titled("B minus A, percentage points", table, *notes)


def _claims(entry: "SliceDifference") -> tuple[str, str, str]:
    """Return interval, p-value and detectable effect as text; ``-`` where there are too few videos."""
    low, high, detectable = entry.difference.low, entry.difference.high, entry.difference.detectable
    if low is None or high is None or detectable is None or entry.adjusted_p is None:
        return "-", "-", "-"
    scale = entry.scale
    return f"{scale * low:+.2f} .. {scale * high:+.2f}", f"{entry.adjusted_p:.4f}", f"{scale * detectable:.2f}"


def _changes_table(comparison: "Comparison") -> "Group":
    from mevis_bench.reports.terminal import FittedTable, titled

    worse = [change for change in comparison.changes if (change.change < 0) is comparison.higher_is_better]
    better = [change for change in comparison.changes if (change.change > 0) is comparison.higher_is_better]
    table = FittedTable(("sample", "A", "B", "change"), numbers=("A", "B", "change"))
    scale, unit = comparison.scale, ", percent" if comparison.scale == 100 else ""
    losses, gains = worse[:MAX_ROWS], better[-MAX_ROWS:][::-1]
    for changes in (losses, gains):
        for change in changes:
            before, after, difference = (scale * value for value in (change.before, change.after, change.change))
            cells = (f"{before:.1f}", f"{after:.1f}", f"{difference:+.1f}")
            last = change is changes[-1]
            table.add_row(change.sample, *cells, style="red" if changes is losses else "green", end_section=last)
    return titled(f"{len(worse)} samples worse, {len(better)} better in {comparison.metric}{unit}", table)
