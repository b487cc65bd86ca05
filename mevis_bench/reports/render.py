"""Tables as terminal output, Markdown, CSV, LaTeX, JSON and HTML."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from rich.console import Group
from rich.text import Text

from mevis_bench.metrics.metric import Metric
from mevis_bench.reports.escaping import csv_text, json_text, latex_text, markdown_text
from mevis_bench.reports.pages import render
from mevis_bench.reports.table import PROVENANCES, Table, provenance_of
from mevis_bench.reports.terminal import WideTable, titled
from mevis_bench.schemas.scores import Results
from mevis_bench.tasks import TASKS


def arrow(metric: Metric) -> str:
    """Return an arrow in the direction of better values: up or down."""
    return "↑" if metric.higher_is_better else "↓"


def to_terminal(table: Table) -> Group:
    """Return a table for the terminal; the best value of a column is bold."""
    rendered = WideTable(("method", "provenance"), [f"{column.name} {arrow(column)}" for column in table.columns])
    best = {column.name: table.best(column.name) for column in table.columns}
    for index, row in enumerate(table.rows):
        cells = [Text(c.format(row.values.get(c.name)), "bold" if index in best[c.name] else "") for c in table.columns]
        last_of_block = index + 1 == len(table.rows) or table.rows[index + 1].provenance != row.provenance
        rendered.add_row(Text(row.label), Text(row.provenance), *cells, end_section=last_of_block)
    return titled(f"{table.task.upper()}, percent", rendered, *table.settings)


def all_tasks_to_terminal(results: Sequence[Results]) -> Group:
    """Return the headline metrics of every method in every task; ``-``: not run or undefined."""
    headlines = [(task.name, task.metric(name)) for task in TASKS.values() for name in task.headlines]
    rows: dict[tuple[str, str, str], dict[tuple[str, str], Text]] = {}
    for result in results:
        method = dict(result.method)
        bridge = method.pop("bridge", None)
        mark = (f" {bridge}", "dim") if bridge else ""
        label = replace(result, method=method).label
        cells = rows.setdefault((label, provenance_of(result), result.split), {})
        for task, metric in headlines:
            if task == result.task:
                cells[task, metric.name] = Text.assemble(metric.format(result.metrics.get(metric.name)), mark)
    titles = [f"{task.upper()} {metric.name} {arrow(metric)}" for task, metric in headlines]
    rendered = WideTable(("method", "provenance", "split"), titles)
    for keys, cells in sorted(rows.items(), key=lambda row: PROVENANCES.index(row[0][1])):
        values = (cells.get((task, metric.name), Text("-")) for task, metric in headlines)
        rendered.add_row(*map(Text, keys), *values)
    return titled("All tasks, percent; values obtained through a bridge are marked with its name", rendered)


def to_markdown(table: Table) -> str:
    """Return a table as GitHub Markdown; the best value of a column is bold."""
    lines = [
        "| method | provenance | "
        + " | ".join(f"{markdown_text(column.name)} {arrow(column)}" for column in table.columns)
        + " |",
        "|---|---|" + "--:|" * len(table.columns),
    ]
    best = {column.name: table.best(column.name) for column in table.columns}
    for index, row in enumerate(table.rows):
        cells = [_mark(c.format(row.values.get(c.name)), index in best[c.name], "**", "**") for c in table.columns]
        lines.append(f"| {markdown_text(row.label)} | {row.provenance} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *(f"{markdown_text(setting)}  " for setting in table.settings), ""])


def to_latex(table: Table) -> str:
    """Return a ``booktabs`` table in the paper's column order; the best value of a column is bold."""
    head = " & ".join(
        [
            "Method",
            *(f"{column.latex or latex_text(column.name)} ${TEX_ARROWS[arrow(column)]}$" for column in table.columns),
        ]
    )
    lines = [f"% {latex_text(setting)}" for setting in table.settings]
    lines += [f"\\begin{{tabular}}{{l{'c' * len(table.columns)}}}", "\\toprule", head + " \\\\", "\\midrule"]
    best = {column.name: table.best(column.name) for column in table.columns}
    for index, row in enumerate(table.rows):
        cells = [
            _mark(c.format(row.values.get(c.name)), index in best[c.name], "\\textbf{", "}") for c in table.columns
        ]
        untrained = " (untrained)" if row.provenance == "untrained" else ""
        lines.append(" & ".join([latex_text(row.label) + untrained, *cells]) + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def to_csv(tables: Sequence[Table]) -> str:
    """Return tables as one CSV: fractions at full precision; empty: undefined, or not a metric of the row's task."""
    columns = list(dict.fromkeys(column.name for table in tables for column in table.columns))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["task", "method", "provenance", "setting", *map(csv_text, columns)])
    for table in tables:
        for row in table.rows:
            values = [row.values.get(column) for column in columns]
            cells = [csv_text(text) for text in (table.task, row.label, row.provenance, row.setting)]
            writer.writerow([*cells, *("" if v is None else repr(v) for v in values)])
    return text.getvalue()


def to_json(tables: Sequence[Table]) -> str:
    """Return tables as one JSON list: fractions at full precision, undefined as ``null``."""
    return json_text(json.dumps([_json_table(table) for table in tables], indent=2)) + "\n"


def _json_table(table: Table) -> dict[str, object]:
    rows = [
        {
            "method": row.label,
            "provenance": row.provenance,
            "setting": row.setting,
            "values": {column.name: row.values.get(column.name) for column in table.columns},
        }
        for row in table.rows
    ]
    return {"task": table.task, "columns": [column.name for column in table.columns], "rows": rows}


def to_html(table: Table) -> str:
    """Return a table as an HTML fragment; every text is escaped."""
    return render("results_table.html.jinja", table=table)


def _each(write: Callable[[Table], str]) -> Callable[[Sequence[Table]], str]:
    return lambda tables: "\n".join(write(table) for table in tables)


WRITERS: Mapping[str, Callable[[Sequence[Table]], str]] = {
    "markdown": _each(to_markdown),
    "csv": to_csv,
    "latex": _each(to_latex),
    "json": to_json,
    "html": _each(to_html),
}
"""Writers of one table per task as one document, by format."""


def _mark(text: str, marked: bool, before: str, after: str) -> str:
    return f"{before}{text}{after}" if marked else text


TEX_ARROWS = {"↑": r"\uparrow", "↓": r"\downarrow"}
"""LaTeX commands (math mode) of the arrows."""
