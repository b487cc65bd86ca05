"""``mevis-bench cost``: speed, parameters and memory of runs, as in the paper's Table 5."""

from collections.abc import Mapping

from mevis_bench.cli import arguments, options

NOTE = (
    "Frames per second over all predicted samples; a frame counts once per sample. End to end: from the prompt to the "
    "stored prediction. Model: inside the method, without frame decoding. Loading is not counted."
)


def command(runs: arguments.FinishedRuns, json: options.Json = False) -> None:
    """Speed, parameters and peak memory of runs, as in the paper's Table 5."""
    from mevis_bench.cli.console import out, print_json
    from mevis_bench.records import NothingMeasuredError
    from mevis_bench.reports.terminal import FittedTable, titled
    from mevis_bench.store.run_folder import RunFolder

    manifests = [RunFolder(run).read_manifest() for run in runs]
    for run, manifest in zip(runs, manifests, strict=True):
        if not manifest.costs:
            raise NothingMeasuredError(
                "run is not finished: its resource usage is not recorded yet",
                location=str(run),
                hint="Run the same command again to resume it.",
            )
    if json:
        print_json([{"run": str(run), **manifest.costs} for run, manifest in zip(runs, manifests, strict=True)])
        return
    numbers = ("FPS\nmodel", "FPS\nend to end", "parameters\nM", "trainable\nM", "GPU\nGiB", "host\nGiB")
    table = FittedTable(("run", *numbers, "device"), numbers)
    for run, manifest in zip(runs, manifests, strict=True):
        table.add_row(str(run), *_cells(manifest.costs), str(manifest.costs.get("device") or "-"))
    out().print(titled("Resource usage", table, NOTE))
    for run, manifest in zip(runs, manifests, strict=True):
        counters = manifest.costs.get("counters")
        if isinstance(counters, Mapping):
            counts = ", ".join(f"{name} {value:,.6g}" for name, value in counters.items())
            out().print(f"{run}: {counts}", markup=False, soft_wrap=True)


def _cells(costs: Mapping[str, object]) -> list[str]:
    """Return the cells of one row; unknown values are ``-``."""
    scales = {"fps_model": 1, "fps_end_to_end": 1, "parameters": 1e6, "trainable": 1e6}
    scales |= {"peak_device_bytes": 2**30, "peak_host_bytes": 2**30}
    return [_cell(costs.get(name), scale) for name, scale in scales.items()]


def _cell(value: object, scale: float) -> str:
    return f"{value / scale:,.2f}" if isinstance(value, int | float) else "-"
