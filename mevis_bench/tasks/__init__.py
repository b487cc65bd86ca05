"""The tasks: prompts, predictions, scoring and metrics, one record per task."""

from collections.abc import Mapping

from mevis_bench.records import UsageError
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.records.task_names import TASK_NAMES
from mevis_bench.tasks.avos import AVOS
from mevis_bench.tasks.rmeg import RMEG
from mevis_bench.tasks.rmot import RMOT
from mevis_bench.tasks.rvos import RVOS
from mevis_bench.tasks.task import Task

TASKS: Mapping[str, Task] = {task.name: task for task in (RVOS, AVOS, RMOT, RMEG)}


def find_task(name: str) -> Task:
    """Return the task of this name.

    Raises:
        UsageError: There is none.
    """
    if name not in TASKS:
        raise UsageError(f"unknown task {name!r}", location="--task", hint=did_you_mean(name, list(TASKS)))
    return TASKS[name]


def check_tasks(tasks: Mapping[str, Task], names: tuple[str, ...]) -> None:
    """Check that the records agree with the names that lower layers use, and each record with itself.

    Raises:
        ValueError: They do not.
    """
    if tuple(tasks) != names:
        raise ValueError(f"tasks {tuple(tasks)} differ from records.task_names.TASK_NAMES {names}")
    for task in tasks.values():
        if len(set(task.columns)) != len(task.columns):
            raise ValueError(f"task {task.name}: duplicate metric names in {task.columns}")
        absent = set(task.headlines) - set(task.columns)
        if absent or not task.headlines:
            raise ValueError(f"task {task.name}: headlines {task.headlines} must be among its metrics")
        for key in ("ranking", "sample_score"):
            if getattr(task, key) not in task.sample_columns:
                raise ValueError(f"task {task.name}: {key} {getattr(task, key)!r} must be a value of its samples")


check_tasks(TASKS, TASK_NAMES)

__all__ = ["TASKS", "Task", "check_tasks", "find_task"]
