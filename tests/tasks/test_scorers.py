"""One tester for the scorers and aggregators of all tasks."""

import dataclasses
import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain

import numpy as np
import pytest

from mevis_bench.metrics.aggregation import Aggregator, ScoredSample
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.runs.scoring_plan import score_video
from mevis_bench.runs.scoring_pool import map_in_order
from mevis_bench.tasks import TASKS, Task
from tests.tasks.small_samples import QUALITIES, TASK_PARAMS, job, scored


@contextmanager
def aggregated(task: Task, *batches: Sequence[ScoredSample]) -> Iterator[Aggregator]:
    aggregator = task.aggregator(ScoringOptions())
    try:
        for batch in batches:
            aggregator.update(batch)
        yield aggregator
    finally:
        aggregator.close()


def compute(task: Task, *batches: Sequence[ScoredSample]) -> Mapping[str, float | None]:
    with aggregated(task, *batches) as aggregator:
        return aggregator.compute()


def mixed(task: Task) -> list[ScoredSample]:
    """Samples of every quality, each in a video of its own."""
    return [sample for quality in QUALITIES for sample in scored(task, quality, video_id=quality)]


@pytest.mark.parametrize("task", TASK_PARAMS)
class TestScorer:
    def test_batches_and_pickled_samples_give_the_same_bits(self, task: Task) -> None:
        samples = mixed(task)
        copied = pickle.loads(pickle.dumps(samples))
        assert compute(task, copied[:3], [], copied[3:]) == compute(task, samples)

    def test_indices_select_the_samples_of_a_slice(self, task: Task) -> None:
        samples = mixed(task)
        with aggregated(task, samples) as aggregator:
            assert aggregator.compute(range(len(samples))) == aggregator.compute()
            assert [values.keys() for values in aggregator.sample_values()] == [
                aggregator.sample_values()[0].keys()
            ] * len(samples)
            one = aggregator.compute([0])
            for name, value in aggregator.sample_values()[0].items():
                if name in one:
                    assert one[name] == (None if value is None else pytest.approx(value, abs=1e-12)), name

    def test_an_empty_selection_is_undefined(self, task: Task) -> None:
        with aggregated(task, scored(task, "partial")) as aggregator:
            assert aggregator.compute([]) == dict.fromkeys(task.columns)
        assert compute(task) == dict.fromkeys(task.columns)

    def test_a_perfect_sample_never_makes_a_mean_worse(self, task: Task) -> None:
        partial = scored(task, "partial", video_id="partial")
        before = compute(task, partial)
        for perfect in scored(task, "perfect", video_id="perfect"):
            after = compute(task, [*partial, perfect])
            for metric in task.metrics:
                old, new = before[metric.name], after[metric.name]
                if old is not None and new is not None and metric.name != "CIDEr":  # weighs words by the whole split
                    assert metric.improvement(old, new) >= -1e-12, (metric.name, perfect.sample)

    def test_partial_is_between_perfect_and_opposite(self, task: Task) -> None:
        perfect, partial, opposite = (compute(task, scored(task, quality)) for quality in QUALITIES)
        for name in task.headlines:
            low, middle, high = opposite[name], partial[name], perfect[name]
            assert low is not None
            assert middle is not None
            assert high is not None
            assert low < middle < high


def _parts(value: object) -> object:
    """Return statistics as plain values that ``==`` compares: arrays as lists with their type, records as dicts."""
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.tolist()
    if dataclasses.is_dataclass(value):
        return {field.name: _parts(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return [_parts(part) for part in value] if isinstance(value, tuple | list) else value


def test_several_processes_score_as_one() -> None:
    jobs = [job(task, quality) for task in TASKS.values() for quality in ("partial", "opposite")]
    one, two = (list(map_in_order(score_video, jobs, workers)) for workers in (1, 2))
    assert [[sample.sample for sample in video] for video in one] == [[s.sample for s in video] for video in two]
    assert [[sample.values for sample in video] for video in one] == [[s.values for s in video] for video in two]
    for sample, other in zip(chain(*one), chain(*two), strict=True):
        assert _parts(sample.statistics) == _parts(other.statistics)
