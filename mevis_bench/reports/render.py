"""Tables as terminal output, Markdown, CSV, LaTeX, JSON and HTML."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import repeat

from rich.console import Group
from rich.text import Text

from mevis_bench.metrics.metric import Metric
from mevis_bench.reports.escaping import csv_text, json_text, latex_text, markdown_text
from mevis_bench.reports.pages import render
from mevis_bench.reports.table import MARGIN_NOTE, PROVENANCES, Row, Table, margins_of, provenance_of
from mevis_bench.reports.terminal import FittedTable, titled
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.tasks import TASKS

MAX_LATEX_COLUMNS = 8
"""Metrics that a table of a paper holds side by side in its usual type."""


def arrow(metric: Metric) -> str:
    """Return an arrow in the direction of better values: up or down."""
    return "↑" if metric.higher_is_better else "↓"


def to_terminal(table: Table) -> Group:
    """Return a table for the terminal; the best value of a column is bold."""
    numbers = [f"{column.name} {arrow(column)}" for column in table.columns]
    rendered = FittedTable(("method", "provenance", *numbers), numbers)
    best = {column.name: table.best(column.name) for column in table.columns}
    for index, row in enumerate(table.rows):
        cells = [
            Text.assemble(
                (c.format(row.values.get(c.name)), "bold" if index in best[c.name] else ""),
                (_margin(row, c, " ±{}"), "dim"),
            )
            for c in table.columns
        ]
        last_of_block = index + 1 == len(table.rows) or table.rows[index + 1].provenance != row.provenance
        rendered.add_row(_label(table, row), row.provenance, *cells, end_section=last_of_block)
    return titled(f"{table.task.upper()}, percent", rendered, *table.notes)


def _label(table: Table, row: Row) -> str:
    return f"{row.label} {table.number(row)}".rstrip()


def _margin(row: Row, metric: Metric, form: str) -> str:
    """Return the margin of a value in a form like `` ±{}``; empty where it is unknown."""
    return form.format(metric.format(row.margins[metric.name])) if metric.name in row.margins else ""


def all_tasks_to_terminal(results: Sequence[Results], scores: Sequence[Sequence[SampleScore]] = ()) -> Group:
    """Return the headline metrics of every method in every task; ``-``: not run or undefined.

    Args:
        results: Results of runs.
        scores: The scores of every run's samples, for margins; empty: the table has none.
    """
    headlines = [(task.name, task.metric(name)) for task in TASKS.values() for name in task.headlines]
    rows: dict[tuple[str, str, str], dict[tuple[str, str], Text]] = {}
    known = False
    for result, samples in zip(results, scores or repeat(()), strict=False):
        method = dict(result.method)
        bridge = method.pop("bridge", None)
        mark = (f" {bridge}", "dim") if bridge else ""
        label = replace(result, method=method).label
        cells = rows.setdefault((label, provenance_of(result), result.split), {})
        margins = margins_of(result, samples)
        for task, metric in headlines:
            if task == result.task:
                margin = f" ±{metric.format(margins[metric.name])}" if metric.name in margins else ""
                known |= bool(margin)
                value = metric.format(result.metrics.get(metric.name))
                cells[task, metric.name] = Text.assemble(value, (margin, "dim"), mark)
    numbers = [f"{task.upper()} {metric.name} {arrow(metric)}" for task, metric in headlines]
    rendered = FittedTable(("method", "provenance", "split", *numbers), numbers)
    for keys, cells in sorted(rows.items(), key=lambda row: PROVENANCES.index(row[0][1])):
        values = (cells.get((task, metric.name), Text("-")) for task, metric in headlines)
        rendered.add_row(*keys, *values)
    title = "All tasks, percent; values obtained through a bridge are marked with its name"
    return titled(title, rendered, *((MARGIN_NOTE,) if known else ()))


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
        cells = [
            _mark(c.format(row.values.get(c.name)), index in best[c.name], "**", "**") + _margin(row, c, " ±{}")
            for c in table.columns
        ]
        lines.append(f"| {markdown_text(_label(table, row))} | {row.provenance} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *(f"{markdown_text(note)}  " for note in table.notes), ""])


def to_latex(table: Table) -> str:
    """Return a ``booktabs`` table in the paper's column order; the best value of a column is bold.

    A table of more than ``MAX_LATEX_COLUMNS`` metrics is scaled to the width of the line.
    """
    wide = len(table.columns) > MAX_LATEX_COLUMNS
    head = " & ".join(
        [
            "Method",
            *(f"{column.latex or latex_text(column.name)} ${TEX_ARROWS[arrow(column)]}$" for column in table.columns),
        ]
    )
    lines = [f"% {latex_text(note)}" for note in table.notes]
    lines.append(f"% \\usepackage{{booktabs{',graphicx' * wide}}}")
    lines += ["\\resizebox{\\linewidth}{!}{%"] if wide else []
    lines += [f"\\begin{{tabular}}{{l{'c' * len(table.columns)}}}", "\\toprule", head + " \\\\", "\\midrule"]
    best = {column.name: table.best(column.name) for column in table.columns}
    for index, row in enumerate(table.rows):
        cells = [
            _mark(c.format(row.values.get(c.name)), index in best[c.name], "\\textbf{", "}")
            + _margin(row, c, " {{\\scriptsize $\\pm${}}}")
            for c in table.columns
        ]
        untrained = " (untrained)" if row.provenance == "untrained" else ""
        lines.append(" & ".join([latex_text(_label(table, row)) + untrained, *cells]) + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}" + "}" * wide, ""])


def to_csv(tables: Sequence[Table]) -> str:
    """Return tables as one CSV: fractions at full precision; empty: undefined, or not a metric of the row's task.

    Margins are columns of their own behind all values.
    """
    columns = list(dict.fromkeys(column.name for table in tables for column in table.columns))
    known = {name for table in tables for row in table.rows for name in row.margins}
    with_margins = [column for column in columns if column in known]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    margins = [csv_text(f"{column} margin") for column in with_margins]
    writer.writerow(["task", "method", "provenance", "setting", *map(csv_text, columns), *margins])
    for table in tables:
        for row in table.rows:
            values = [row.values.get(column) for column in columns]
            values += [row.margins.get(column) for column in with_margins]
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
            "margins": dict(row.margins),
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
