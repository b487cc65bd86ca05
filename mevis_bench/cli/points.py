"""``mevis-bench points``: answers in points against the masks of a split."""

from typing import TYPE_CHECKING

from mevis_bench.cli import arguments, options
from mevis_bench.cli.option_groups import DataOptions, with_groups

if TYPE_CHECKING:
    from rich.console import Group

    from mevis_bench.runs.point_scores import PointReport


@with_groups
def command(answers: arguments.PointAnswers, data: DataOptions, json: options.Json = False) -> None:
    """Precision, recall, F1 and HOTA of answers in points (lmms-eval's submission files), and how many are readable."""
    from dataclasses import asdict

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.data.registry import open_dataset
    from mevis_bench.runs.point_scores import score_point_answers

    dataset = open_dataset(data.data, data.split, data.data_set)
    report = score_point_answers(answers, dataset)
    if json:
        print_json({**asdict(report), "split": dataset.split})
        return
    out().print(_table(report, f"{dataset.split}, {report.answered} answers"))
    out().print(
        f"Expressions without an answer: {report.missing}. Answers without words: {report.empty}, without a readable "
        f'point: {report.unreadable} (they count as "no target"), cut off: {report.cut}.'
    )


def _table(report: "PointReport", title: str) -> "Group":
    from mevis_bench.reports.terminal import FittedTable, titled

    numbers = ("P", "R", "F1", "HOTA")
    table = FittedTable(("protocol", *numbers), numbers)
    for protocol, scores in report.scores.items():
        values = (scores.precision, scores.recall, scores.f1, scores.hota)
        table.add_row(protocol, *(f"{100 * value:.1f}" for value in values))
    return titled(title, table)
