"""The four tasks: what goes in, what comes out, how it is scored."""

from collections.abc import Mapping

from mevis_bench.records import UsageError
from mevis_bench.records.suggestion import did_you_mean
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
        raise UsageError(f"there is no task {name!r}", hint=did_you_mean(name, list(TASKS)))
    return TASKS[name]


__all__ = ["TASKS", "Task", "find_task"]
