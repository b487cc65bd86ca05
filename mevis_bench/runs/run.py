"""A whole run: plan, predict, and score where there is truth. What ``mevis-bench run`` does, for Python."""

from dataclasses import dataclass

from mevis_bench.config.run_config import RunConfig
from mevis_bench.execution.inline import Inline
from mevis_bench.execution.jobs import Executor
from mevis_bench.execution.local_pool import LocalPool
from mevis_bench.execution.ray_pool import RayPool
from mevis_bench.metrics.protocols import find_protocol
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.runs.asr_report import write_asr_report
from mevis_bench.runs.plan import RunPlan, plan_run
from mevis_bench.runs.predict import RunCallback, RunReport, find_folder, predict
from mevis_bench.runs.score import score_run
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.store.score_files import Results, read_results


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that came to its end.

    Attributes:
        report: How predicting ended.
        results: The scores; ``None``: the split has no truth, or nothing was answered.
        word_error_rate: Of the speech recognizer; ``None``: none was used.
    """

    report: RunReport
    results: Results | None
    word_error_rate: float | None = None


def run(config: RunConfig, watcher: RunCallback) -> FinishedRun:
    """Plan, predict and score.

    Raises:
        MevisBenchError: What the user can mend, before or while computing.
        OSError: The disk is full; what was finished is on disk, and the same call goes on.
    """
    plan = plan_run(config)
    return run_plan(plan, find_folder(plan), watcher)


def _executor(config: RunConfig) -> Executor:
    """Answer in this process, unless there is more than one worker, or a sample must be stopped from outside."""
    if config.engine == "ray":
        return RayPool(config.address)
    if config.workers == 1 and config.timeout is None:
        return Inline()
    return LocalPool(config.workers, config.timeout)


def run_plan(plan: RunPlan, folder: RunFolder, watcher: RunCallback) -> FinishedRun:
    """Predict and score what is planned (see ``run``), both on the run's device.

    Failed samples count as zero; the counts of the results say how many.
    """
    report = predict(plan, folder, _executor(plan.config), watcher)
    rate = write_asr_report(plan, folder)
    if not plan.has_ground_truth or not report.done:
        return FinishedRun(report, None, rate)
    protocol = find_protocol(plan.config.protocol)
    if not report.computed and (folder.path / "results.json").is_file():
        results = read_results(folder.path)
        if results.protocol == protocol.name:
            return FinishedRun(report, results, rate)
    scored = score_run(
        folder.path,
        data=plan.config.data,
        split=plan.config.split,
        options=ScoringOptions(protocol, missing="zero" if report.failed else "error", device=plan.work.device),
    )
    return FinishedRun(report, scored.results, rate)
