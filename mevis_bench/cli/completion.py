"""Shell completion of the names that options take."""

from collections.abc import Callable, Iterable

from mevis_bench.records.task_names import TASK_NAMES


def _last_of(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """Return a shell completion of names; of several between commas, the last one is completed."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in names() if name.startswith(last)]

    return complete


def _methods() -> Iterable[str]:
    from mevis_bench.methods.registry import find_methods

    for method in find_methods().methods.values():
        yield method.spec.name
        yield from (f"{method.spec.name}:{variant}" for variant in method.spec.variants)


def _data_sets() -> Iterable[str]:
    from mevis_bench.data.registry import find_datasets

    return find_datasets()


def _tasks() -> Iterable[str]:
    return TASK_NAMES


METHODS = _last_of(_methods)
"""Methods and their variants."""
DATA_SETS = _last_of(_data_sets)
TASKS = _last_of(_tasks)
