"""The gate's verdict for the terminal, as Markdown for summaries, JUnit XML for CI servers, JSON for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from xml.etree import ElementTree

from rich.console import Group
from rich.text import Text

from mevis_bench.reports.gate import GateEntry, Verdict, exit_code
from mevis_bench.reports.table import percent
from mevis_bench.reports.terminal import terminal_table, titled

SIGNS = {
    Verdict.OK: "✓",
    Verdict.IMPROVED: "↑",
    Verdict.REGRESSED: "✗",
    Verdict.NOTHING: "∅",
    Verdict.INCOMPARABLE: "≠",
}


STYLES = {
    Verdict.OK: "green",
    Verdict.IMPROVED: "cyan",
    Verdict.REGRESSED: "bold red",
    Verdict.NOTHING: "bold yellow",
    Verdict.INCOMPARABLE: "bold magenta",
}


def to_terminal(entries: Sequence[GateEntry]) -> Group:
    """Draw the verdict: a line a metric of a run."""
    code = exit_code(entries)
    table = terminal_table()
    for name in ("", "run", "metric"):
        table.add_column(name)
    for name in ("accepted", "now"):
        table.add_column(name, justify="right")
    table.add_column("why")
    last_run = None
    for entry in entries:
        cells = (SIGNS[entry.verdict], entry.run if entry.run != last_run else "", entry.metric)
        values = (percent(entry.expected), percent(entry.measured), entry.reason)
        table.add_row(*(Text(cell) for cell in (*cells, *values)), style=STYLES[entry.verdict])
        last_run = entry.run
    return titled(f"gate {'passed' if code == 0 else 'FAILED'} (exit {int(code)}), percent", table)


def to_markdown(entries: Sequence[GateEntry]) -> str:
    """Write the verdict with what needs attention first, everything else folded away."""
    code = exit_code(entries)
    counts = ", ".join(
        f"{sum(entry.verdict is verdict for entry in entries)} {verdict.value}"
        for verdict in Verdict
        if any(entry.verdict is verdict for entry in entries)
    )
    attention = [entry for entry in entries if entry.verdict is not Verdict.OK]
    quiet = [entry for entry in entries if entry.verdict is Verdict.OK]
    lines = [f"## Gate: {'passed' if code == 0 else 'FAILED'} (exit {int(code)})", "", counts, ""]
    if attention:
        lines += [*_rows(attention), ""]
    if quiet:
        lines += [f"<details><summary>{len(quiet)} unchanged</summary>", "", *_rows(quiet), "", "</details>", ""]
    return "\n".join(lines)


def _rows(entries: Sequence[GateEntry]) -> list[str]:
    head = ["| | run | metric | accepted | now | why |", "|---|---|---|--:|--:|---|"]
    return head + [
        f"| {SIGNS[entry.verdict]} | {entry.run} | {entry.metric} | {percent(entry.expected)} "
        f"| {percent(entry.measured)} | {entry.reason} |".replace("\n", " ")
        for entry in entries
    ]


def to_junit(entries: Sequence[GateEntry]) -> str:
    """Write the verdict as JUnit XML: a test case per run and metric, a failure where CI must act."""
    bad = [entry for entry in entries if entry.verdict not in (Verdict.OK, Verdict.IMPROVED)]
    suite = ElementTree.Element("testsuite", name="gate", tests=str(len(entries)), failures=str(len(bad)))
    for entry in entries:
        case = ElementTree.SubElement(suite, "testcase", classname=entry.run, name=entry.metric)
        if entry in bad:
            failure = ElementTree.SubElement(case, "failure", message=entry.verdict.value)
            failure.text = entry.reason
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def to_json(entries: Sequence[GateEntry]) -> str:
    """Write the verdict as JSON with the exit code."""
    document = {"exit_code": int(exit_code(entries)), "entries": [asdict(entry) for entry in entries]}
    return json.dumps(document, indent=2) + "\n"
