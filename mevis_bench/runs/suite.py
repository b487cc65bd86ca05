"""Several runs from one file."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mevis_bench.config.paths import configs_folder
from mevis_bench.data.registry import find_datasets
from mevis_bench.execution.perturbation import NONE
from mevis_bench.records import DataError, MissingWeightsError, UsageError
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.runs.predict import RunCallback
from mevis_bench.runs.run import FinishedRun, run
from mevis_bench.schemas.run_config import RunConfig
from mevis_bench.schemas.suite import Suite
from mevis_bench.schemas.yaml_files import read_yaml


def read_suite(name: str) -> Suite:
    """Read a suite: a YAML file, or the name of a shipped one (``configs/suites/<name>.yaml``).

    Raises:
        DataError: A key is unknown or missing, its value is invalid, there is no run, or two runs have one folder.
        UsageError: No suite of this name is shipped.
    """
    path = Path(name)
    if not path.suffix:
        folder = configs_folder() / "suites"
        names = sorted(file.stem for file in folder.glob("*.yaml"))
        if name not in names:
            raise UsageError(
                f"no suite {name!r}", location="SUITE", hint=f"{did_you_mean(name, names)}\nOr give a file."
            )
        path = folder / f"{name}.yaml"
    suite = read_yaml(path, Suite)
    folders = [folder_name(config) for config in suite.runs]
    duplicates = sorted({name for name in folders if folders.count(name) > 1})
    if duplicates:
        raise DataError(f"duplicate run {duplicates[0]}", location=str(path))
    return suite


@dataclass(frozen=True, slots=True)
class AllDataSets:
    """A suite of one method on every data set that is there.

    Attributes:
        suite: A run per data set that is there.
        absent: Why the other data sets of the task are left out, by name.
    """

    suite: Suite
    absent: Mapping[str, str]


def all_data_sets(task: str, template: RunConfig, root: Path) -> AllDataSets:
    """Make a suite of one method on every data set of a task.

    Args:
        task: Name of the task.
        template: The run whose data are replaced.
        root: Folder with one folder per data set, named like it.

    Raises:
        UsageError: No data set of the task is there.
    """
    runs, absent = [], {}
    for name, entry in find_datasets().items():
        if task not in entry.info.tasks:
            continue
        if (root / name).is_dir():
            runs.append(replace(template, data=root / name, data_set=name))
        else:
            absent[name] = f"no folder {root / name}"
    if not runs:
        raise UsageError(
            f"no data set of {task} is here",
            location=str(root),
            hint=f"A data set is a folder named like it: {', '.join(absent)}.",
        )
    return AllDataSets(Suite(f"{task}-all", tuple(runs)), absent)


def folder_name(config: RunConfig) -> str:
    """Return the name of a run's folder inside the suite's."""
    variant = f"-{config.variant}" if config.variant else ""
    data_set = f"-{config.data_set}" if config.data_set else ""
    split = f"-{config.split or 'valid_u'}" if config.split or not config.data_set else ""
    perturb = f"-{config.perturb}" if config.perturb != NONE else ""
    return f"{config.task}-{config.method.replace(':', '-')}{variant}{data_set}{split}{perturb}"


def run_suite(
    suite: Suite, out: Path, callbacks: Callable[[], RunCallback], absent: Callable[[str, str], None]
) -> Iterator[FinishedRun]:
    """Run a suite, one folder per run in ``out``; yield each run when it is finished and scored.

    Args:
        suite: The suite.
        out: Parent folder of the run folders.
        callbacks: Makes the callback of a run.
        absent: Called with the name of a run that is left out and the reason.

    Raises:
        MissingWeightsError: Weights are missing, and the suite does not skip such runs.
        MevisBenchError: As :func:`mevis_bench.runs.run.run`.
    """
    for config in suite.runs:
        name = folder_name(config)
        try:
            finished = run(replace(config, out=out / name), callbacks())
        except MissingWeightsError as error:
            if not suite.skip_missing_weights:
                raise
            absent(name, str(error))
        else:
            yield finished
