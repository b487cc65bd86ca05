"""Several runs from one file: what is measured every night."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mevis_bench.config.run_config import RunConfig
from mevis_bench.records import DataError
from mevis_bench.runs.predict import RunCallback
from mevis_bench.runs.run import FinishedRun, run
from mevis_bench.schemas.yaml_files import read_yaml


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite's YAML file.

    Attributes:
        name: Its name.
        runs: Its runs, in order; the keys of each are those of ``mevis-bench run``, without ``out``.
    """

    name: str
    runs: tuple[RunConfig, ...]


def read_suite(path: Path) -> Suite:
    """Read a suite.

    Raises:
        DataError: A key is unknown, missing or mistyped, there is no run, or two runs would share a folder.
    """
    suite = read_yaml(path, Suite)
    folders = [folder_name(config) for config in suite.runs]
    if not folders:
        raise DataError("the suite has no runs", location=str(path))
    doubled = sorted({name for name in folders if folders.count(name) > 1})
    if doubled:
        raise DataError(f"the suite has {doubled[0]} twice", location=str(path))
    return suite


def folder_name(config: RunConfig) -> str:
    """Return the name of a run's folder inside the suite's."""
    variant = f"-{config.variant}" if config.variant else ""
    return f"{config.task}-{config.method.replace(':', '-')}{variant}-{config.split}"


def run_suite(suite: Suite, out: Path, callbacks: Callable[[], RunCallback]) -> Iterator[FinishedRun]:
    """Run a suite, one folder a run below ``out``; yields each run when it is finished and scored."""
    for config in suite.runs:
        yield run(replace(config, out=out / folder_name(config)), callbacks())
