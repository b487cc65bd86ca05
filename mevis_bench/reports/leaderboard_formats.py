"""Leaderboards as terminal output, Markdown, CSV, LaTeX, JSON and HTML."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from rich.console import Group

from mevis_bench.metrics.metric import Metric
from mevis_bench.reports.escaping import csv_text, json_text, latex_text, markdown_text
from mevis_bench.reports.leaderboard import DROP, MARGIN, YARDSTICK, Leaderboard, LeaderboardRow, rule_of_tiers
from mevis_bench.reports.pages import render
from mevis_bench.reports.render import TEX_ARROWS, arrow
from mevis_bench.reports.table import MARGIN_NOTE
from mevis_bench.reports.terminal import FittedTable, titled

KEYS = ("method", "provenance")

SENTENCE_KIND = "sentence-"
"""Prefix of the kinds of mini, which the table of kinds leaves out."""

RULE_OF_WORDS = (
    f"Reads (the words): at least {100 * MARGIN:g} points above {YARDSTICK}, and at least {100 * DROP:g} points lower "
    "with --perturb words (other words)."
)


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    cell: Callable[[LeaderboardRow], str]


def to_terminal(board: Leaderboard) -> Group:
    """Return a leaderboard for the terminal, and below it the ranking metric by kind of expression."""
    columns = _columns(board)
    numbers = [column.title for column in columns]
    table = FittedTable((*KEYS, *numbers), numbers)
    for row in board.rows:
        table.add_row(*_keys(row), *(column.cell(row) for column in columns))
    main = titled(f"{board.task.upper()}, percent", table, *_notes(board))
    if not board.kinds:
        return main
    numbers = [column.title for column in _kind_columns(board)]
    kinds = FittedTable((KEYS[0], *numbers), numbers)
    for row in board.rows:
        kinds.add_row(row.label, *(column.cell(row) for column in _kind_columns(board)))
    return Group(main, titled(_kinds_title(board), kinds))


def to_markdown(board: Leaderboard) -> str:
    """Return a leaderboard as GitHub Markdown."""
    lines = [*_markdown_table(KEYS, _columns(board), board.rows), ""]
    lines += [f"{markdown_text(note)}  " for note in _notes(board)]
    if board.kinds:
        lines += ["", f"{markdown_text(_kinds_title(board))}:", ""]
        lines += _markdown_table(KEYS[:1], _kind_columns(board), board.rows)
    return "\n".join([*lines, ""])


def _markdown_table(keys: Sequence[str], columns: Sequence[_Column], rows: Sequence[LeaderboardRow]) -> list[str]:
    head = [*keys, *(markdown_text(column.title) for column in columns)]
    cells = [[*map(markdown_text, _keys(row)[: len(keys)]), *(column.cell(row) for column in columns)] for row in rows]
    ruler = "|" + "---|" * len(keys) + "--:|" * len(columns)
    return [_markdown_row(head), ruler, *map(_markdown_row, cells)]


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def to_latex(board: Leaderboard) -> str:
    """Return a leaderboard as a ``booktabs`` table; its notes are comments."""
    columns = _columns(board)
    titles = [_latex_title(column.title) for column in columns]
    lines = [f"% {latex_text(note)}" for note in _notes(board)]
    lines += [f"\\begin{{tabular}}{{ll{'c' * len(columns)}}}", "\\toprule"]
    lines += [" & ".join(["Method", "Provenance", *titles]) + " \\\\", "\\midrule"]
    for row in board.rows:
        cells = [latex_text(text) for text in (*_keys(row), *(column.cell(row) for column in columns))]
        lines.append(" & ".join(cells) + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _latex_title(title: str) -> str:
    text = latex_text(title).replace("±", r"$\pm$")
    for sign, command in TEX_ARROWS.items():
        text = text.replace(sign, f"${command}$")
    return text


def to_html(board: Leaderboard) -> str:
    """Return a leaderboard as an HTML fragment; every text is escaped."""
    return render(
        "ranking.html.jinja",
        board=board,
        keys=KEYS,
        columns=_columns(board),
        notes=_notes(board),
        kinds=_kind_columns(board),
        kinds_title=_kinds_title(board),
    )


def to_csv(boards: Sequence[Leaderboard]) -> str:
    """Return leaderboards as one CSV: fractions at full precision, the paper's values in percent; empty: undefined."""
    others = list(dict.fromkeys(metric.name for board in boards for metric in board.others))
    kinds = list(dict.fromkeys(kind for board in boards for kind in board.kinds))
    fields = ("value", "half_width", "tier", "other_words", "reads", "parameters", "fps", "paper")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["task", "metric", *KEYS, "setting", *fields, *map(csv_text, (*others, *kinds))])
    for board in boards:
        for row in board.rows:
            named = [board.task, board.metric.name, *_keys(row), board.setting]
            values: list[object] = [getattr(row, name) for name in fields]
            values += [*(row.others.get(name) for name in others), *(row.kinds.get(kind) for kind in kinds)]
            cells = ["" if value is None else value if isinstance(value, str) else repr(value) for value in values]
            writer.writerow([*map(csv_text, named), *cells])
    return text.getvalue()


def to_json(boards: Sequence[Leaderboard]) -> str:
    """Return leaderboards as one JSON list: fractions at full precision, undefined as ``null``."""
    documents = [
        {
            "task": board.task,
            "metric": board.metric.name,
            "setting": board.setting,
            "rows": [asdict(row) for row in board.rows],
            "kinds": board.kinds,
            "resolution": board.resolution and asdict(board.resolution),
            "agreement": board.agreement and asdict(board.agreement),
        }
        for board in boards
    ]
    return json_text(json.dumps(documents, indent=2)) + "\n"


def _each(write: Callable[[Leaderboard], str]) -> Callable[[Sequence[Leaderboard]], str]:
    return lambda boards: "\n".join(write(board) for board in boards)


LEADERBOARD_WRITERS: Mapping[str, Callable[[Sequence[Leaderboard]], str]] = {
    "markdown": _each(to_markdown),
    "csv": to_csv,
    "latex": _each(to_latex),
    "json": to_json,
    "html": _each(to_html),
}
"""Writers of all leaderboards as one document, by format."""


def _keys(row: LeaderboardRow) -> tuple[str, str]:
    return row.label, row.provenance


def _columns(board: Leaderboard) -> list[_Column]:
    metric = board.metric

    def other(column: Metric) -> _Column:
        return _Column(f"{column.name} {arrow(column)}", lambda row: column.format(row.others.get(column.name)))

    words = (
        _Column("other words", lambda row: metric.format(row.other_words)),
        _Column("reads", lambda row: row.reads),
    )
    return [
        _Column(f"{metric.name} {arrow(metric)}", lambda row: metric.format(row.value)),
        _Column("±", lambda row: metric.format(row.half_width)),
        _Column("tier", lambda row: "-" if row.tier is None else str(row.tier)),
        *map(other, board.others),
        *(words if _has_words(board) else ()),
        _Column("paper", lambda row: "-" if row.paper is None else f"{row.paper:.1f}"),
        _Column("M param.", lambda row: "-" if row.parameters is None else f"{row.parameters / 1e6:.1f}"),
        _Column("FPS", lambda row: "-" if row.fps is None else f"{row.fps:.0f}"),
    ]


def _kind_columns(board: Leaderboard) -> list[_Column]:
    def column(kind: str, count: int) -> _Column:
        return _Column(
            f"{kind.removeprefix(SENTENCE_KIND)} ({count})", lambda row: board.metric.format(row.kinds.get(kind))
        )

    return [column(kind, count) for kind, count in board.kinds.items()]


def _kinds_title(board: Leaderboard) -> str:
    return f"{board.task.upper()} {board.metric.name} by kind of sentence (number of samples), percent"


def _notes(board: Leaderboard) -> list[str]:
    rule = f"{MARGIN_NOTE}. {rule_of_tiers(board.metric.name)}"
    rules = (rule, RULE_OF_WORDS) if _has_words(board) else (rule,)
    return [board.setting, *rules, *_resolution_note(board), *_agreement_note(board)]


def _has_words(board: Leaderboard) -> bool:
    """Return whether the prompts of the task have words, which only methods can read."""
    return any(row.reads != "-" for row in board.rows)


def _resolution_note(board: Leaderboard) -> list[str]:
    found = board.resolution
    if found is None:
        return []
    return [
        f"Resolution: on these {found.videos} videos, half the interval of a difference is "
        f"{100 * found.difference:.1f} points (median); {found.apart} of {found.pairs} pairs of rows are separated."
    ]


def _agreement_note(board: Leaderboard) -> list[str]:
    found = board.agreement
    if found is None:
        return []
    if found.tau is None:
        return [f"Order of the paper's Table {found.table}: fewer than two of its methods, so tau is undefined."]
    interval = "" if found.low is None else f", 95 % interval {found.low:.2f} to {found.high:.2f}"
    p = "" if found.p is None else f", exact one-sided p {found.p:.2g}"
    limit = ""
    if found.smallest_p is not None and found.smallest_p > 0.05:
        limit = "; so few methods cannot show agreement, whatever their order"
    return [
        f"Order of the paper's Table {found.table} ({board.metric.name}): Kendall's tau-b "
        f"{found.tau:.2f}{interval}{p}, {found.methods} methods{limit}."
    ]
