"""``mevis-bench merge``: merge the shards of a run."""

from mevis_bench.cli import arguments, options
from mevis_bench.records import ExitCode


def command(
    shards: arguments.Shards, out: options.MergedOut, protocol: options.ProtocolName = None, json: options.Json = False
) -> int:
    """Merge shards into one run folder and score it."""
    import dataclasses

    from mevis_bench.cli.console import err, print_json
    from mevis_bench.cli.console import out as stdout
    from mevis_bench.metrics.protocols import find_protocol
    from mevis_bench.reports.render import to_terminal
    from mevis_bench.reports.table import build_table
    from mevis_bench.runs.merge import merge_runs

    manifest, results = merge_runs(shards, out, find_protocol(protocol))
    if json:
        print_json({"folder": str(out), "status": manifest.status, "results": results and dataclasses.asdict(results)})
    else:
        err().print(f"written to {out}", markup=False, soft_wrap=True)
        if results is not None:
            stdout().print(to_terminal(build_table(results.task, [results])))
    return ExitCode.FAILED if manifest.status == "failed" else ExitCode.OK
