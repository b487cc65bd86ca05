"""Regression reports: terminal table, Markdown for CI summaries, JUnit XML for CI servers, JSON for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from xml.etree import ElementTree

from rich.console import Group

from mevis_bench.records import ExitCode
from mevis_bench.reports.escaping import json_text, markdown_text, xml_text
from mevis_bench.reports.gate import EXIT_CODES, GateEntry, RegressionStatus, exit_code
from mevis_bench.reports.terminal import FittedTable, titled
from mevis_bench.tasks import TASKS

SIGNS = {
    RegressionStatus.OK: "✓",
    RegressionStatus.IMPROVED: "↑",
    RegressionStatus.REGRESSED: "✗",
    RegressionStatus.NOT_JUDGED: "?",
    RegressionStatus.NOT_MEASURED: "∅",
    RegressionStatus.INVALID: "!",
    RegressionStatus.INCOMPARABLE: "≠",
}


STYLES = {
    RegressionStatus.OK: "green",
    RegressionStatus.IMPROVED: "cyan",
    RegressionStatus.REGRESSED: "bold red",
    RegressionStatus.NOT_JUDGED: "yellow",
    RegressionStatus.NOT_MEASURED: "bold yellow",
    RegressionStatus.INVALID: "bold red",
    RegressionStatus.INCOMPARABLE: "bold magenta",
}


def to_terminal(entries: Sequence[GateEntry], title: str | None = None) -> Group:
    """Return a terminal table with one line per metric and run; ``title`` replaces the one with the outcome."""
    code = exit_code(entries)
    table = FittedTable(("", "run", "metric", "accepted", "now", "reason"), numbers=("accepted", "now"))
    last_run = None
    for entry in entries:
        cells = (SIGNS[entry.status], entry.run if entry.run != last_run else "", entry.metric)
        values = (_value(entry, entry.expected), _value(entry, entry.measured), entry.reason)
        table.add_row(*cells, *values, style=STYLES[entry.status])
        last_run = entry.run
    outcome = f"gate {'passed' if code == 0 else 'FAILED'} (exit {int(code)})"
    return titled(f"{title or outcome}, percent", table)


def to_markdown(entries: Sequence[GateEntry]) -> str:
    """Return Markdown with the entries that need attention first; unchanged ones are folded."""
    code = exit_code(entries)
    counts = ", ".join(
        f"{sum(entry.status is status for entry in entries)} {status.value}"
        for status in RegressionStatus
        if any(entry.status is status for entry in entries)
    )
    attention = [entry for entry in entries if entry.status is not RegressionStatus.OK]
    unchanged = [entry for entry in entries if entry.status is RegressionStatus.OK]
    lines = [f"## Gate: {'passed' if code == 0 else 'FAILED'} (exit {int(code)})", "", counts, ""]
    if attention:
        lines += [*_rows(attention), ""]
    if unchanged:
        lines += [
            f"<details><summary>{len(unchanged)} unchanged</summary>",
            "",
            *_rows(unchanged),
            "",
            "</details>",
            "",
        ]
    return "\n".join(lines)


def _rows(entries: Sequence[GateEntry]) -> list[str]:
    head = ["| | run | metric | accepted | now | reason |", "|---|---|---|--:|--:|---|"]
    return head + [
        f"| {SIGNS[entry.status]} | {markdown_text(entry.run)} | {markdown_text(entry.metric)} "
        f"| {_value(entry, entry.expected)} | {_value(entry, entry.measured)} | {markdown_text(entry.reason)} |"
        for entry in entries
    ]


def _value(entry: GateEntry, value: float | None) -> str:
    """Return a value in its metric's format; an entry about a whole run has none."""
    task = TASKS.get(entry.run.split("/")[0])
    return "-" if task is None else task.metric(entry.metric).format(value)


def to_junit(entries: Sequence[GateEntry]) -> str:
    """Return JUnit XML: one test case per run and metric, failed if its status is one that fails the gate."""
    failed = [entry for entry in entries if EXIT_CODES[entry.status] is not ExitCode.OK]
    suite = ElementTree.Element("testsuite", name="gate", tests=str(len(entries)), failures=str(len(failed)))
    for entry in entries:
        case = ElementTree.SubElement(suite, "testcase", classname=xml_text(entry.run), name=xml_text(entry.metric))
        if entry in failed:
            failure = ElementTree.SubElement(case, "failure", message=entry.status.value)
            failure.text = xml_text(entry.reason)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def to_json(entries: Sequence[GateEntry]) -> str:
    """Return JSON with the exit code and one object per entry."""
    # "verdict" is the former name of "status"; it goes with the next release.
    rows = [{**asdict(entry), "verdict": entry.status} for entry in entries]
    document = {"exit_code": int(exit_code(entries)), "entries": rows}
    return json_text(json.dumps(document, indent=2)) + "\n"
