"""``mevis-bench report``: results of several runs as a table."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mevis_bench.cli import arguments, options
from mevis_bench.records.task_names import TASK_NAMES

if TYPE_CHECKING:
    from mevis_bench.schemas.scores import Results


def command(
    runs: arguments.ScoredRuns,
    reference: options.References,
    format_: options.TableFormat = "terminal",
    leaderboard: options.AsLeaderboard = False,
    versus: options.Versus = None,
    protocol_facts: options.ProtocolFacts = False,
    json: options.Json = False,
    form: options.Form = None,
    vs_paper: options.VsPaper = False,
) -> None:
    """Print results of several runs as one table: terminal, Markdown, CSV, LaTeX, JSON or HTML."""
    from mevis_bench.cli.console import out, print_deprecated
    from mevis_bench.records import UsageError
    from mevis_bench.reports.render import WRITERS, to_terminal
    from mevis_bench.reports.table import build_table, read_samples
    from mevis_bench.reports.terminal import FactsTable, titled
    from mevis_bench.runs.protocol_facts import protocol_facts as read_protocol_facts
    from mevis_bench.store.score_files import read_results

    if form is not None:
        print_deprecated("--form", "--format")
    if vs_paper:
        print_deprecated("--vs-paper", "--vs paper")
        versus = "paper"
    format_ = "json" if json else form or format_
    if format_ not in ("terminal", *WRITERS):
        hint = f"Available: terminal, {', '.join(WRITERS)}."
        raise UsageError(f"unknown format {format_!r}", location="--format", hint=hint)
    if leaderboard and (versus is not None or protocol_facts):
        flag = "--protocol-facts" if versus is None else "--vs"
        raise UsageError(f"--leaderboard and {flag} exclude each other", hint="Leave out one of them.")
    if reference and not leaderboard:
        raise UsageError("--reference is for --leaderboard", location="--reference", hint="Add --leaderboard.")
    if leaderboard:
        _print_leaderboards(runs, reference, format_)
        return
    if versus is not None and format_ != "terminal":
        raise UsageError("--vs prints a terminal table", location=f"--format {format_}", hint="Leave out one of them.")
    if protocol_facts and format_ not in ("terminal", "markdown"):
        raise UsageError(
            "--protocol-facts prints text for a terminal or Markdown",
            location=f"--format {format_}",
            hint="mevis-bench protocol RUN --json prints them as JSON.",
        )
    results = [read_results(run) for run in runs]
    samples = [read_samples(run) for run in runs]
    tasks = [task for task in TASK_NAMES if any(result.task == task for result in results)]
    tables = [build_table(task, results, samples) for task in tasks]
    if format_ != "terminal":
        sys.stdout.write(WRITERS[format_](tables))
        if protocol_facts:
            sys.stdout.write("".join(map(_facts_as_markdown, runs)))
        return
    for table in tables:
        out().print(to_terminal(table))
    if versus is not None:
        _print_published(versus, results)
    for run in runs if protocol_facts else ():
        out().print(titled(f"protocol of {run.name}", FactsTable(read_protocol_facts(run))))


def _print_leaderboards(runs: list[Path], references: list[Path], format_: str) -> None:
    from mevis_bench.cli.console import out
    from mevis_bench.config.paths import configs_folder
    from mevis_bench.reports.leaderboard import build_leaderboards
    from mevis_bench.reports.leaderboard_formats import LEADERBOARD_WRITERS, to_terminal
    from mevis_bench.reports.paper import read_paper_rows

    boards = build_leaderboards(runs, references, read_paper_rows(configs_folder() / "paper"))
    if format_ != "terminal":
        sys.stdout.write(LEADERBOARD_WRITERS[format_](boards))
        return
    for board in boards:
        out().print(to_terminal(board))


def _facts_as_markdown(run: Path) -> str:
    from mevis_bench.reports.escaping import markdown_text
    from mevis_bench.runs.protocol_facts import protocol_facts

    lines = (f"- {name}: {markdown_text(value)}" for name, value in protocol_facts(run).items())
    return "\n".join(("", f"Protocol of {markdown_text(run.name)}:", "", *lines, ""))


def _print_published(versus: str, results: "list[Results]") -> None:
    from mevis_bench.cli.console import out
    from mevis_bench.cli.published_tables import beside_paper, beside_published, paper_table
    from mevis_bench.config.paths import configs_folder
    from mevis_bench.reports.paper import compare_with_paper, paper_tables, read_paper_rows
    from mevis_bench.reports.published import read_published, runs_beside

    if versus == "paper":
        rows = read_paper_rows(configs_folder() / "paper")
        for result in results:
            compared = compare_with_paper(result, rows)
            label = result.label
            out().print(paper_table(label, compared) if compared else beside_paper(label, paper_tables(result, rows)))
        return
    tables = [(table, runs_beside(table, results)) for table in read_published(configs_folder() / "published")]
    for table, runs in tables:
        if runs:
            out().print(beside_published(table, runs))
    if not any(runs for _, runs in tables):
        out().print("no published results for these tasks and data sets")
