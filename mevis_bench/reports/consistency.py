"""Consistency of stored numbers: what a scored folder or a baseline says must fit together before it is compared."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from mevis_bench.metrics.aggregation import mean_of
from mevis_bench.metrics.protocols import PROTOCOLS
from mevis_bench.records.task_names import TASK_NAMES
from mevis_bench.schemas.baseline import AcceptedRun, Baseline
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.tasks import Task, find_task

ROUNDING = 1e-9
"""Largest difference between an aggregate and the mean of its samples, and beyond a metric's range."""

SampleValues = Mapping[str, Mapping[str, float]]
"""Defined values by metric and sample."""


def results_error(
    results: Results, scores: Sequence[SampleScore], planned: Collection[str] | None = None
) -> str | None:
    """Return why a scored folder contradicts itself; ``None``: it does not.

    Args:
        results: Its aggregate.
        scores: Its samples.
        planned: Ids of the samples of its run; ``None``: it is no run folder.
    """
    return next(_results_errors(results, scores, planned), None)


def accepted_error(key: str, accepted: AcceptedRun) -> str | None:
    """Return why a run of a baseline contradicts itself; ``None``: it does not."""
    task_name = key.split("/")[0]
    if task_name not in TASK_NAMES:
        return f"the baseline's key names no task: {task_name!r}"
    task = find_task(task_name)
    error = next(_value_errors(task, accepted.metrics, accepted.samples, accepted.protocol), None)
    if error is None and (unknown := sorted(accepted.samples.keys() - accepted.metrics.keys())):
        error = f"samples of {unknown[0]!r}, which is not among the metrics"
    return None if error is None else f"baseline: {error}"


def tolerance_error(baseline: Baseline) -> str | None:
    """Return why the tolerances of a baseline are invalid; ``None``: they are not."""
    known = {name for key in baseline.runs for name in _metric_names(key)}
    for name, allowed in baseline.tolerance.items():
        if not 0 <= allowed <= 1:
            return f"'tolerance.{name}': expected a number in 0..1, got {allowed}"
        if baseline.runs and name != "default" and name not in known:
            return f"'tolerance.{name}': no task of the baseline has this metric"
    return None


def sample_values(scores: Sequence[SampleScore], metrics: Collection[str]) -> SampleValues:
    """Return the defined values of samples by metric and sample."""
    values: dict[str, dict[str, float]] = {}
    for score in scores:
        for name, value in score.values.items():
            if name in metrics and value is not None:
                values.setdefault(name, {})[score.sample] = value
    return values


def _metric_names(key: str) -> tuple[str, ...]:
    task_name = key.split("/")[0]
    return tuple(metric.name for metric in find_task(task_name).all_metrics) if task_name in TASK_NAMES else ()


def _results_errors(results: Results, scores: Sequence[SampleScore], planned: Collection[str] | None) -> Iterator[str]:
    samples = [score.sample for score in scores]
    distinct = set(samples)
    if len(distinct) != len(samples):
        twice = next(sample for index, sample in enumerate(samples) if sample in samples[:index])
        yield f"sample {twice} is in scores.jsonl twice"
    if len(samples) != results.counts["expected"]:
        yield f"scores.jsonl has {len(samples)} samples, results.json counts {results.counts['expected']}"
    if planned is not None and distinct != set(planned):
        odd = min(distinct ^ set(planned))
        yield f"sample {odd} is {'not in the run' if odd in distinct else 'missing in scores.jsonl'}"
    yield from _value_errors(
        find_task(results.task), results.metrics, sample_values(scores, results.metrics), results.protocol
    )


def _value_errors(
    task: Task, metrics: Mapping[str, int | float | None], samples: SampleValues, protocol: str
) -> Iterator[str]:
    for name, value in metrics.items():
        metric = task.find_metric(name)
        if metric is None:
            yield f"{name!r} is not a metric of {task.name}"
            continue
        values = samples.get(name, {})
        low, high = metric.range
        for label, one in ((name, value), *((f"{name} of {sample}", one) for sample, one in values.items())):
            if one is not None and not low - ROUNDING <= one <= high + ROUNDING:
                yield f"{label} is {one:g}, its range is {low:g} to {high:g}"
        if metric.mean_of_samples and protocol in PROTOCOLS and PROTOCOLS[protocol].is_mean_over_expressions:
            mean = mean_of(list(values.values()))
            if (mean is None) != (value is None) or abs((mean or 0) - (value or 0)) > ROUNDING:
                yield f"{name} is {_shown(value)}, its samples have a mean of {_shown(mean)}"


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.6g}"
