"""Several runs from one file."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from mevis_bench.records import DataError
from mevis_bench.runs.predict import RunCallback
from mevis_bench.runs.run import FinishedRun, run
from mevis_bench.schemas.run_config import RunConfig
from mevis_bench.schemas.suite import Suite
from mevis_bench.schemas.yaml_files import read_yaml


def read_suite(path: Path) -> Suite:
    """Read a suite.

    Raises:
        DataError: A key is unknown or missing, its value is invalid, there is no run, or two runs have one folder.
    """
    suite = read_yaml(path, Suite)
    folders = [folder_name(config) for config in suite.runs]
    duplicates = sorted({name for name in folders if folders.count(name) > 1})
    if duplicates:
        raise DataError(f"duplicate run {duplicates[0]}", location=str(path))
    return suite


def folder_name(config: RunConfig) -> str:
    """Return the name of a run's folder inside the suite's."""
    variant = f"-{config.variant}" if config.variant else ""
    data_set = f"-{config.data_set}" if config.data_set else ""
    split = f"-{config.split or 'valid_u'}" if config.split or not config.data_set else ""
    return f"{config.task}-{config.method.replace(':', '-')}{variant}{data_set}{split}"


def run_suite(suite: Suite, out: Path, callbacks: Callable[[], RunCallback]) -> Iterator[FinishedRun]:
    """Run a suite, one folder per run in ``out``; yield each run when it is finished and scored."""
    for config in suite.runs:
        yield run(replace(config, out=out / folder_name(config)), callbacks())
