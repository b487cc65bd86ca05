"""``mevis-bench protocol``: what a reader needs to repeat a number."""

from mevis_bench.cli import arguments, options


def command(run: arguments.AnyScoredRun, json: options.Json = False) -> None:
    """Print how a number came about: data, questions and their hash, frames, rules, averaging, weights, command."""
    from mevis_bench.cli.console import out, print_json
    from mevis_bench.reports.terminal import FactsTable
    from mevis_bench.runs.protocol_facts import protocol_facts

    facts = protocol_facts(run)
    if json:
        print_json(dict(facts))
    else:
        out().print(FactsTable(facts))
