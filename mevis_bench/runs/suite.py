"""Several runs from one file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mevis_bench.config.paths import configs_folder
from mevis_bench.data.registry import find_datasets
from mevis_bench.execution.perturbation import NONE
from mevis_bench.methods.bridges import derived_tasks
from mevis_bench.methods.registry import find_methods
from mevis_bench.records import DataError, MissingWeightsError, UsageError
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.runs.plan import RunPlan, plan_run
from mevis_bench.runs.predict import find_folder
from mevis_bench.schemas.run_config import RunConfig
from mevis_bench.schemas.suite import Suite
from mevis_bench.schemas.yaml_files import read_yaml
from mevis_bench.store.run_folder import RunFolder


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


@dataclass(frozen=True, slots=True)
class Combinations:
    """Runs of every method and variant on every task and split.

    Attributes:
        suite: The runs that are possible.
        left_out: Why the others are not, by ``<method> <task>``.
    """

    suite: Suite
    left_out: Mapping[str, str]


def combine(configs: Sequence[RunConfig]) -> Combinations:
    """Leave out the runs of methods on tasks that they cannot do.

    Raises:
        UsageError: No run is left, two are the same, or there is no such method or variant.
    """
    runs, left_out = [], {}
    for config in configs:
        method = find_methods(config.method_dir).resolve(config.method, config.variant)
        if config.task in (*method.spec.tasks, *derived_tasks(method.spec)):
            runs.append(config)
        else:
            left_out[f"{method.name} {config.task}"] = f"the method supports only {', '.join(method.spec.tasks)}"
    if not runs:
        reasons = "\n".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise UsageError("no method supports any of the tasks", hint=reasons)
    names = [folder_name(config) for config in runs]
    duplicates = [name for name in names if names.count(name) > 1]
    if duplicates:
        raise UsageError(f"duplicate run {duplicates[0]}")
    return Combinations(Suite("run", tuple(runs)), left_out)


@dataclass(frozen=True, slots=True)
class PlannedSuite:
    """Runs that could start.

    Attributes:
        runs: Plan and folder of every run.
        left_out: Why the others are left out, by the name of their folder.
    """

    runs: Sequence[tuple[RunPlan, RunFolder]]
    left_out: Mapping[str, str]


def plan_suite(suite: Suite, out: Path | None) -> PlannedSuite:
    """Plan every run before anything is computed, so that an error in the last one shows at once.

    Args:
        suite: The runs.
        out: Parent of the run folders; ``None``: each run has the folder that it has alone.

    Raises:
        MissingWeightsError: Weights are missing, and the suite does not skip such runs.
        MevisBenchError: As ``plan_run``.
    """
    planned, left_out = [], {}
    for config in suite.runs:
        name = folder_name(config)
        try:
            plan = plan_run(config if out is None else replace(config, out=out / name))
        except MissingWeightsError as error:
            if not suite.skip_missing_weights:
                raise
            left_out[name] = error.message.splitlines()[0]
        else:
            planned.append((plan, find_folder(plan)))
    return PlannedSuite(planned, left_out)
