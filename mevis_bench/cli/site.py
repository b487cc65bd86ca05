"""``mevis-bench site``: leaderboard, results over time, pages of methods and galleries as one folder of pages."""

from pathlib import Path

import typer

from mevis_bench.cli import arguments, options
from mevis_bench.cli.option_groups import RunSplitOptions


def command(
    context: typer.Context,
    runs: arguments.ScoredRuns,
    file: options.HistoryFile = Path("history.jsonl"),
    out: options.SiteOut = Path("site"),
    json: options.Json = False,
) -> None:
    """Write a site of runs: leaderboard, history, one page per method, one gallery per run; opens from disk."""
    from mevis_bench.cli.console import out as stdout
    from mevis_bench.cli.console import print_json
    from mevis_bench.cli.progress import Bar
    from mevis_bench.cli.scored_run import open_scored_run
    from mevis_bench.reports.history import read_history
    from mevis_bench.reports.site import build_site

    entries = read_history(file) if file.exists() else ()
    scored = [open_scored_run(context, run, RunSplitOptions()) for run in runs]
    with Bar("runs") as bar:
        pages = build_site(scored, entries, out, progress=bar.count("site"))
    if json:
        galleries = {page.key: page.gallery for page in pages}
        print_json({"page": str(out / "index.html"), "galleries": galleries, "entries": len(entries)})
        return
    stdout().print(f"{len(pages)} runs, {len(entries)} results over time: {out / 'index.html'}", soft_wrap=True)
