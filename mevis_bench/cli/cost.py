"""``mevis-bench cost``: what runs took, as in the paper's Table 5."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mevis_bench.cli import options

PROTOCOL = (
    "Frames of all answered samples, counted once for every sample, by the seconds spent on them. End to end: from the "
    "question to the prediction on disk; model only: inside the method, decoding of frames taken off. Loading is not "
    "counted."
)


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run folders that came to an end.")],
    json: options.Json = False,
) -> None:
    """What runs took: frames a second, parameters and peak memory, as in the paper's Table 5."""
    from mevis_bench.cli.console import out, print_json
    from mevis_bench.records import NothingMeasuredError
    from mevis_bench.reports.terminal import terminal_table, titled
    from mevis_bench.store.run_folder import RunFolder

    manifests = [RunFolder(run).read_manifest() for run in runs]
    for run, manifest in zip(runs, manifests, strict=True):
        if not manifest.costs:
            raise NothingMeasuredError(
                "the run has not ended, so its costs are not known",
                location=str(run),
                hint="Go on with the same command.",
            )
    if json:
        print_json([{"run": str(run), **manifest.costs} for run, manifest in zip(runs, manifests, strict=True)])
        return
    table = terminal_table()
    table.add_column("run")
    for name in ("FPS, model", "FPS, end to end", "parameters M", "trainable M", "GPU GiB", "host GiB"):
        table.add_column(name, justify="right")
    table.add_column("device")
    for run, manifest in zip(runs, manifests, strict=True):
        table.add_row(str(run), *_cells(manifest.costs), str(manifest.costs["device"] or "-"))
    out().print(titled("Costs", table, PROTOCOL))


def _cells(costs: Any) -> list[str]:
    """Write the figures of one row; what is not known is "-"."""
    scales = {"fps_model": 1, "fps_end_to_end": 1, "parameters": 1e6, "trainable": 1e6}
    scales |= {"peak_device_bytes": 2**30, "peak_host_bytes": 2**30}
    return ["-" if costs[name] is None else f"{costs[name] / scale:,.2f}" for name, scale in scales.items()]
