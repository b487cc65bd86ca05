"""``mevis-bench run``: predict, store and score."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mevis_bench.cli import arguments, options
from mevis_bench.cli.choices import ProgressMode
from mevis_bench.cli.option_groups import with_groups

if TYPE_CHECKING:
    from mevis_bench.schemas.run_config import RunConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Options with the names of the keys of ``RunConfig``; ``None``, ``False`` or empty: not given."""

    task: options.TaskNames = None
    method: options.MethodNames = None
    variant: options.Variants = None
    weights: options.Weights
    method_dir: options.MethodDirs
    data: options.DataRoot = None
    split: options.SplitNames = None
    data_set: options.DataSetName = None
    videos: options.VideoNames = None
    sample: options.SampleIds
    limit: options.Limit = None
    bridge: options.BridgeName = None
    asr_model: options.AsrModel = None
    perturb: options.Perturbation = None
    protocol: options.ProtocolName = None
    seed: options.RunSeed = None
    device: options.RunDevice = None
    compile: options.Compile = False
    engine: options.Engine = None
    address: options.Address = None
    out: options.RunOut = None
    shard: options.Shard = None
    workers: options.PoolProcesses = None
    timeout: options.Timeout = None
    retry_failed: options.RetryFailed = False
    fail_fast: options.FailFast = False
    max_failures: options.MaxFailures = None

    def flags(self) -> dict[str, object]:
        """Return the given options by key of ``RunConfig``, as plain values."""
        from mevis_bench.schemas.json_files import plain

        values: dict[str, object] = plain(self)
        if self.videos is not None:
            values["videos"] = self.videos.split(",")
        return {key: value for key, value in values.items() if not (value is None or value is False or value == [])}


@with_groups
def command(
    given: RunOptions,
    settings: options.Settings,
    config: arguments.ConfigFile = None,
    dry_run: options.PrintPlan = False,
    progress: options.Progress = ProgressMode.AUTO,
    json: options.Json = False,
    former_asr_model: options.FormerAsrModel = None,
) -> int:
    """Run a method on a task: predict, store, and score if the split has ground truth.

    Several tasks, methods, variants and splits, separated by commas, give one run each and one table of all.
    Running the same command again resumes a run that was stopped or killed; a finished run is left unchanged.
    """
    from mevis_bench.cli.console import print_deprecated
    from mevis_bench.cli.runs import execute_run, execute_suite, print_plan
    from mevis_bench.config.run_config import read_run_config
    from mevis_bench.runs.plan import plan_run
    from mevis_bench.runs.predict import find_folder
    from mevis_bench.runs.suite import combine

    flags = given.flags()
    if former_asr_model is not None:
        print_deprecated("--recogniser", "--asr-model")
        flags = {"asr_model": former_asr_model, **flags}
    configs = [read_run_config(config, each, settings) for each in _combinations(flags)]
    if len(configs) > 1:
        combined = combine([_without_out(each) for each in configs])
        return execute_suite(combined.suite, configs[0].out, combined.left_out, progress, dry_run=dry_run, json=json)
    plan = plan_run(configs[0])
    folder = find_folder(plan)
    if dry_run:
        return print_plan(plan, folder, json=json)
    return execute_run(plan, folder, progress, json=json)


def _combinations(flags: dict[str, object]) -> list[dict[str, object]]:
    """Return the options of every run: all combinations of the values between commas."""
    combined = [flags]
    for key in ("split", "method", "variant", "task"):
        values = str(flags[key]).split(",") if key in flags else []
        combined = [{**each, **({key: value} if value else {})} for value in values or [""] for each in combined]
    return combined


def _without_out(config: "RunConfig") -> "RunConfig":
    from dataclasses import replace

    return replace(config, out=None)
