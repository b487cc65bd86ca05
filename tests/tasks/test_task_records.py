"""Facts of each task agree with its code, with the paper's tables and with the methods."""

import re
import shlex
from dataclasses import replace

import pytest
import yaml

from mevis_bench.config.paths import configs_folder
from mevis_bench.methods.bridges import derived_tasks
from mevis_bench.methods.registry import find_methods
from mevis_bench.metrics.metric import Metric
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.records import UsageError
from mevis_bench.records.task_names import TASK_NAMES, TASK_TYPES
from mevis_bench.reports.paper import compare_with_paper, read_paper_rows
from mevis_bench.store.score_files import Results
from mevis_bench.tasks import TASKS, Task, check_tasks, find_task
from tests.tasks.small_samples import TASK_PARAMS, scored

PAPER = configs_folder() / "paper"
TABLES = {
    table["table"]: table for table in (yaml.safe_load(path.read_text()) for path in sorted(PAPER.glob("table_*.yaml")))
}
NOT_METRICS = {5: {"FPS", "#Params"}}
"""Columns that are measured by the run, not by scoring."""


def columns_of(number: int) -> set[str]:
    """Column titles of a table, without the data set in brackets."""
    names = TABLES[number].get("data_sets", {})
    columns = set(TABLES[number]["columns"]) - NOT_METRICS.get(number, set())
    assert all(not names or re.fullmatch(r"\S+ \((.*)\)", column)[1] in names for column in columns)
    return {re.sub(r" \(.*\)$", "", column) if names else column for column in columns}


@pytest.mark.parametrize("task", TASK_PARAMS)
def test_columns_are_what_the_aggregator_computes(task: Task) -> None:
    aggregator = task.aggregator(ScoringOptions())
    try:
        aggregator.update(scored(task, "partial")[:2])
        assert tuple(aggregator.compute()) == task.columns
        assert set(task.headlines) <= set(task.columns)
    finally:
        aggregator.close()


@pytest.mark.parametrize("number", TABLES)
def test_every_column_of_the_paper_is_a_metric_of_its_task(number: int) -> None:
    task = TASKS[TABLES[number]["task"]]
    assert number in task.paper_tables
    assert columns_of(number) <= set(task.paper_columns)


def test_every_paper_name_is_printed_in_the_paper() -> None:
    for task in TASKS.values():
        printed = {column for number in task.paper_tables for column in columns_of(number)}
        assert set(task.paper_columns) <= printed | set(TASKS["rvos"].paper_columns), task.name
        assert {number for number, table in TABLES.items() if table["task"] == task.name} == set(task.paper_tables)


def test_starred_hota_of_table_10_is_compared_with_the_pooled_metric() -> None:
    metrics = {
        f"{name}*_{kind}": value
        for name in ("HOTA", "DetA", "AssA")
        for kind, value in (("macro", 0.9), ("pooled", 0.5))
    }
    results = Results(
        task="rmot",
        protocol="mevis_v2",
        metrics={**metrics, "HOTA": 0.7, "DetA": 0.7, "AssA": 0.7},
        counts={"expected": 1, "scored": 1, "missing": 0},
        split="valid",
        fingerprint="f",
        method={"name": "lmpmpp", "variant": "paper", "provenance": "official"},
    )
    rows = [replace(row, ours="lmpmpp") for row in read_paper_rows(PAPER) if row.table == 10]
    comparisons = compare_with_paper(results, rows)
    assert len(comparisons) == len(rows) == 4
    for comparison in comparisons:
        assert comparison.ours == {"HOTA*": 50.0, "DetA*": 50.0, "AssA*": 50.0}


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_types_agree_with_the_names_below(task: Task) -> None:
    types = TASK_TYPES[task.name]
    assert (task.prompt_type, task.prediction_type) == (types.prompt, types.prediction)
    assert task.prediction_type.__name__.removesuffix("Prediction") in task.scorable[0].__name__ or (
        task.scorable[0].__name__ == "LoadedMasks" and task.prediction_type.__name__ == "MaskPrediction"
    )


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_the_example_names_a_method_that_can_do_the_task(task: Task) -> None:
    words = shlex.split(task.example)
    assert words[:4] == ["mevis-bench", "run", "--task", task.name]
    spec = find_methods().resolve(words[words.index("--method") + 1], None).spec
    assert task.name in (*spec.tasks, *derived_tasks(spec))


def test_records_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match=r"differ from records\.task_names\.TASK_NAMES"):
        check_tasks(TASKS, TASK_NAMES[1:])
    with pytest.raises(ValueError, match=r"task rvos: headlines \('G',\) must be among its metrics"):
        check_tasks({"rvos": replace(TASKS["rvos"], headlines=("G",))}, ("rvos",))
    twice = replace(TASKS["rvos"], metrics=TASKS["rvos"].metrics[:1] * 2)
    with pytest.raises(ValueError, match="task rvos: duplicate metric names"):
        check_tasks({"rvos": twice}, ("rvos",))


def test_an_unknown_task_has_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"--task: unknown task 'rvot'\nDid you mean 'rvos'"):
        find_task("rvot")


def test_values_are_printed_as_the_paper_prints_them() -> None:
    metric = Metric("m", "", "")
    assert [metric.format(value) for value in (0.4394, 1.0, None)] == ["43.9", "100.0", "-"]
    assert replace(metric, unit="raw").format(12.25) == "12.2"


def test_every_metric_states_meaning_and_source() -> None:
    for task in TASKS.values():
        for metric in task.metrics:
            assert metric.meaning.endswith("."), metric.name
            assert metric.source, metric.name
            assert metric.undefined, metric.name
