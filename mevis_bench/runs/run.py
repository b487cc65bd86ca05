"""A whole run: plan, predict, and score where there is ground truth; ``mevis-bench run`` for Python."""

from dataclasses import dataclass

from mevis_bench.execution.inline import Inline
from mevis_bench.execution.jobs import Executor
from mevis_bench.execution.local_pool import LocalPool
from mevis_bench.execution.ray_pool import RayPool
from mevis_bench.metrics.protocols import find_protocol
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.runs.asr_report import write_asr_report
from mevis_bench.runs.live_log import LiveLog
from mevis_bench.runs.plan import RunPlan, plan_run
from mevis_bench.runs.predict import RunCallback, RunReport, find_folder, predict
from mevis_bench.runs.score import score_run
from mevis_bench.runs.scoring_plan import default_protocol
from mevis_bench.schemas.run_config import RunConfig
from mevis_bench.schemas.scores import Results
from mevis_bench.store.open_predictions import open_predictions
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.store.score_files import read_results
from mevis_bench.tasks import find_task


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A finished run.

    Attributes:
        report: Outcome of predicting.
        results: The scores; ``None``: the split has no ground truth, or there is no prediction.
        word_error_rate: Of the speech recognizer; ``None``: none was used.
    """

    report: RunReport
    results: Results | None
    word_error_rate: float | None = None


def run(config: RunConfig, callback: RunCallback) -> FinishedRun:
    """Plan, predict and score.

    Raises:
        MevisBenchError: An error that the user can fix, before or while computing.
        OSError: The disk is full; finished samples are on disk, and the same call resumes.
    """
    plan = plan_run(config)
    return run_plan(plan, find_folder(plan), callback)


def _executor(plan: RunPlan) -> Executor:
    """Predict in this process, unless there are several pool processes or a sample must be stopped from outside."""
    config = plan.config
    if config.engine == "ray":
        return RayPool(config.address)
    if config.workers == 1 and config.timeout is None:
        return Inline(plan.dataset)
    return LocalPool(config.workers, config.timeout)


def run_plan(plan: RunPlan, folder: RunFolder, callback: RunCallback) -> FinishedRun:
    """Predict and score a plan (see ``run``), both on the run's device.

    Failed samples count as zero; the counts of the results state how many.

    Raises:
        MevisBenchError: As ``run``; also where the scores could not be computed here, before anything is predicted.
    """
    if plan.has_ground_truth:
        find_task(plan.identity.task).check_scorable()
    with LiveLog(callback, folder.path) as log:
        finished = _predict_and_score(plan, folder, log)
        if finished.results is not None:
            log.add_scores(finished.results)
    return finished


def _predict_and_score(plan: RunPlan, folder: RunFolder, callback: RunCallback) -> FinishedRun:
    report = predict(plan, folder, _executor(plan), callback)
    rate = write_asr_report(plan, folder)
    if not plan.has_ground_truth or not report.done:
        return FinishedRun(report, None, rate)
    options = ScoringOptions(
        find_protocol(plan.config.protocol), missing="zero" if report.failed else "error", device=plan.predictor.device
    ).for_data_set(default_protocol(plan.dataset, open_predictions(folder.path)))
    if not report.computed and (folder.path / "results.json").is_file():
        results = read_results(folder.path)
        # A metric may be missing only because its program crashed.
        if results.protocol == options.rules.name and None not in results.metrics.values():
            return FinishedRun(report, results, rate)
    scored = score_run(folder.path, dataset=plan.dataset, options=options)
    return FinishedRun(report, scored.results, rate)
