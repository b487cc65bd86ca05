"""The promises of every metric's record, checked for each metric of each task and protocol, by name."""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

from mevis_bench.masks import MaskRows
from mevis_bench.metrics.aggregation import ScoredSample, Values
from mevis_bench.metrics.metric import Metric
from mevis_bench.metrics.protocols import MEVIS_V2, PROTOCOLS, REFER_KITTI, REFER_KITTI_2023, ScoringProtocol
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.records import (
    CaptionPrediction,
    DataError,
    MevisBenchError,
    PointPrediction,
    TrackPrediction,
    UsageError,
)
from mevis_bench.runs.scoring_plan import ScoringJob, score_video
from mevis_bench.store.prediction_source import LoadedMasks, LoadedPrediction
from mevis_bench.tasks import TASKS, Task
from tests.tasks.small_samples import (
    NO_WORST,
    OTHER_QUALITIES,
    QUALITIES,
    SHAPE,
    TURN,
    job,
    scored,
)

KITTI = (REFER_KITTI, REFER_KITTI_2023)
CASES: Sequence[tuple[Task, ScoringProtocol]] = [
    *((TASKS["rvos"], protocol) for protocol in PROTOCOLS.values() if protocol not in KITTI),
    (TASKS["avos"], MEVIS_V2),
    *((TASKS["rmot"], protocol) for protocol in (MEVIS_V2, *KITTI)),
    (TASKS["rmeg"], MEVIS_V2),
]
"""AVOS is scored as RVOS."""

VIDEOS = {"small": 1, "medium": 10, "large": 30}
"""Factor of the size, by video: objects of 20, 2,000 and 18,000 pixels."""

PERFECT = {
    **{
        (name, decay): 0.0
        for name in ("ref_davis_annotators", "davis_semi_supervised")
        for decay in ("J-decay", "F-decay")
    },
    ("revos_answers_255", "A"): 1 - 30 / 192,
}
"""Values of perfect predictions that are not the best: decay is 0 where all frames are equal; A compares 255 with 1, so
it is the share of the background. Of 192 pixels, targets have 20 (both referring sentences) and 40 (the reasoning one).
"""


NEVER_BEST = {("revos_answers_255", "A")}


@dataclass(frozen=True)
class Situation:
    """Samples on which a metric may be undefined.

    Attributes:
        samples: In them, ``targets`` is the number of target objects.
        predicts_boxes: Whether something is predicted where there is no target.
    """

    samples: Sequence[ScoredSample]
    predicts_boxes: bool

    @property
    def targets(self) -> list[float | None]:
        """Number of target objects of each sample."""
        return [sample.values["targets"] for sample in self.samples]


def has_no_target_or_only(situation: Situation) -> bool:
    without = [number == 0 for number in situation.targets]
    return all(without) or not any(without)


def target_sets(situation: Situation) -> int:
    return len({sample.statistics[1] for sample in situation.samples})


UNDEFINED: Mapping[str, Callable[[Situation], bool]] = {
    "no sample is selected": lambda s: not s.samples,
    "no selected sample has exactly one target object": lambda s: 1 not in s.targets,
    "no selected sample has several target objects": lambda s: not any(number > 1 for number in s.targets),
    "no selected sample is without a target": lambda s: 0 not in s.targets,
    "no selected sample has a target": lambda s: not any(s.targets),
    "J&F, N-acc. or T-acc. is undefined": has_no_target_or_only,
    "no box is true or predicted in the selected samples": lambda s: (
        not any(number > 0 or s.predicts_boxes for number in s.targets)
    ),
    "Java failed, or no sample is selected": lambda s: not s.samples,
    "Java failed, or no sample is selected, or there is one sample in all": lambda s: len(s.samples) < 2,
    "no selected sample is of a video with several target sets": lambda s: target_sets(s) < 2,
    "no selected target is of up to 32^2 pixels": lambda s: not of_video(s, "small"),
    "no selected target is of 32^2 to 96^2 pixels": lambda s: not of_video(s, "medium"),
    "no selected target is of at least 96^2 pixels": lambda s: not of_video(s, "large"),
}
"""By the text of a record, whether it says that the metric is undefined."""


def of_video(situation: Situation, video_id: str) -> list[ScoredSample]:
    return [sample for sample in situation.samples if sample.sample.startswith(video_id)]


def columns(task: Task, protocol: ScoringProtocol) -> Sequence[str]:
    if protocol.measure == "regions":
        return task.columns
    return tuple(task.aggregator(ScoringOptions(protocol)).compute())


NAME = operator.attrgetter("name")


def java(task: Task) -> list[pytest.MarkDecorator]:
    return [pytest.mark.java] if task.name == "rmeg" else []


CASE_PARAMS = [
    pytest.param(task, protocol, id=f"{task.name}:{protocol.name}", marks=java(task)) for task, protocol in CASES
]
METRIC_PARAMS = [
    pytest.param(task, protocol, task.metric(name), id=f"{task.name}:{protocol.name}:{name}", marks=java(task))
    for task, protocol in CASES
    for name in columns(task, protocol)
]


def compute(task: Task, protocol: ScoringProtocol, samples: Sequence[ScoredSample]) -> Values:
    aggregator = task.aggregator(ScoringOptions(protocol))
    try:
        aggregator.update(samples)
        return aggregator.compute()
    finally:
        aggregator.close()


def videos_of(protocol: ScoringProtocol) -> Mapping[str, int]:
    return VIDEOS if protocol.measure == "candidates" else {"v": 1}


def samples_of(task: Task, protocol: ScoringProtocol, quality: str) -> list[ScoredSample]:
    """Samples of one video; where metrics differ by the size of targets, one of each size."""
    options = ScoringOptions(protocol)
    return [
        sample
        for video, scale in videos_of(protocol).items()
        for sample in scored(task, quality, options, video, scale)
    ]


@cache
def samples_and_values(task_name: str, protocol: ScoringProtocol, quality: str) -> tuple[list[ScoredSample], Values]:
    samples = samples_of(TASKS[task_name], protocol, quality)
    return samples, compute(TASKS[task_name], protocol, samples)


def value(task: Task, protocol: ScoringProtocol, quality: str, metric: Metric) -> float | None:
    return samples_and_values(task.name, protocol, quality)[1][metric.name]


def test_every_registered_metric_has_a_case() -> None:
    registered = {metric.name for task in TASKS.values() for metric in (*task.metrics, *task.protocol_metrics)}
    assert {name for task, protocol in CASES for name in columns(task, protocol)} == registered
    assert {protocol.name for _, protocol in CASES} == set(PROTOCOLS)


@pytest.mark.parametrize(("task", "protocol", "metric"), METRIC_PARAMS)
class TestMetric:
    def test_a_perfect_prediction_has_the_best_value(
        self, task: Task, protocol: ScoringProtocol, metric: Metric
    ) -> None:
        best = metric.range[metric.higher_is_better]
        expected = PERFECT.get((protocol.name, metric.name), best)
        assert value(task, protocol, "perfect", metric) == pytest.approx(expected, abs=1e-9)

    def test_values_are_in_the_range_and_reach_its_ends(
        self, task: Task, protocol: ScoringProtocol, metric: Metric
    ) -> None:
        values = [value(task, protocol, quality, metric) for quality in (*QUALITIES, *OTHER_QUALITIES)]
        low, high = metric.range
        worst, best = (low, high) if metric.higher_is_better else (high, low)
        assert all(low - 1e-9 <= each <= high + 1e-9 for each in values)
        if metric.name not in NO_WORST:
            assert any(each == pytest.approx(worst, abs=1e-6) for each in values)
        if (protocol.name, metric.name) not in NEVER_BEST:
            assert any(each == pytest.approx(best, abs=1e-6) for each in values)

    def test_it_is_undefined_where_its_record_says(self, task: Task, protocol: ScoringProtocol, metric: Metric) -> None:
        is_undefined = UNDEFINED[metric.undefined]
        for quality in ("perfect", "opposite"):
            every = samples_and_values(task.name, protocol, quality)[0]
            ones = [[sample] for sample in every]
            for samples in ([], every, *ones):
                names = tuple(sample.sample for sample in samples)
                found = values_of(task.name, protocol, quality, names)[metric.name]
                averaged = [sample for sample in samples if sample.kind != "no_target"]
                assert (found is None) == is_undefined(Situation(averaged, quality == "opposite")), (quality, names)

    def test_the_order_of_videos_and_expressions_does_not_matter(
        self, task: Task, protocol: ScoringProtocol, metric: Metric
    ) -> None:
        forward, backward = both_orders(task.name, protocol)
        assert backward[metric.name] == pytest.approx(forward[metric.name], abs=1e-12)
        assert metric.name in ("IDSW", "MOTP") or metric.range[0] < forward[metric.name] < metric.range[1]


@cache
def values_of(task_name: str, protocol: ScoringProtocol, quality: str, names: tuple[str, ...]) -> Values:
    samples = samples_and_values(task_name, protocol, quality)[0]
    return compute(TASKS[task_name], protocol, [sample for sample in samples if sample.sample in names])


@cache
def both_orders(task_name: str, protocol: ScoringProtocol) -> tuple[Values, Values]:
    """Values of videos of different quality, and those with videos and expressions reversed."""
    task, options = TASKS[task_name], ScoringOptions(protocol)
    jobs = [
        job(task, quality, options, f"{video}-{quality}", scale)
        for video, scale in videos_of(protocol).items()
        for quality in (*QUALITIES, "early")
    ]
    backward = [replace(each, ground_truths=each.ground_truths[::-1]) for each in reversed(jobs)]
    orders = [[sample for each in order for sample in score_video(each)] for order in (jobs, backward)]
    forward, reverse = (compute(task, protocol, samples) for samples in orders)
    return forward, reverse


@pytest.mark.parametrize(
    "protocol",
    [p for p in PROTOCOLS.values() if p.measure in ("regions", "revos", "long_rvos") and p not in KITTI],
    ids=NAME,
)
def test_sentences_without_target_follow_the_rule_of_the_protocol(protocol: ScoringProtocol) -> None:
    """``early`` predicts something in the first 3 of 5 frames of sentences without target."""
    shares = {"perfect": 1.0, "opposite": 0.0, "early": 0.0}
    if protocol.no_target == "frames":
        shares["early"] = (SHAPE[0] - TURN) / SHAPE[0]
    for quality, share in shares.items():
        empty = [s for s in samples_of(TASKS["rvos"], protocol, quality) if s.values["targets"] == 0]
        assert [sample.sample for sample in empty] == ["v/3", "v/4"]
        for sample in empty:
            assert [sample.values[name] for name in ("J", "F", "J&F")] == [share] * 3


@pytest.mark.parametrize(("task", "protocol"), CASE_PARAMS)
class TestProtocol:
    def test_a_prediction_of_another_type_is_refused(self, task: Task, protocol: ScoringProtocol) -> None:
        nouns = {
            LoadedMasks: "masks",
            PointPrediction: "points",
            TrackPrediction: "tracks",
            CaptionPrediction: "a caption",
        }
        none = np.zeros(0, np.int64)
        others: Sequence[LoadedPrediction] = (
            LoadedMasks(MaskRows.empty(*SHAPE)),
            TrackPrediction(none, none, np.zeros((0, 4))),
            PointPrediction(none, none, np.zeros((0, 2))),
            CaptionPrediction("words"),
        )
        expected = " or ".join(nouns[each] for each in task.scorable)
        for prediction in others:
            if not isinstance(prediction, task.scorable):
                error = refused(job_with(task, protocol, prediction))
                assert isinstance(error, DataError)
                assert str(error) == f"v/0: {task.name} is scored from {expected}, got {nouns[type(prediction)]}"

    def test_a_missing_prediction_counts_as_the_worst(self, task: Task, protocol: ScoringProtocol) -> None:
        broken = job_with(task, protocol, DataError("prediction is missing", location="v/0"))
        assert str(refused(broken)) == "v/0: prediction is missing"
        samples = score_video(replace(broken, options=replace(broken.options, missing="zero")))
        assert {sample.error for sample in samples} == {"v/0: prediction is missing"}
        values = compute(task, protocol, samples)
        for name, found in values.items():
            metric = task.metric(name)
            if name not in NO_WORST and not name.startswith("AP_") and not name.endswith("decay"):
                assert found == pytest.approx(metric.range[not metric.higher_is_better], abs=1e-9), name


class FakeSource:
    """The same prediction or error for every sample."""

    format = "fake"

    def __init__(self, answer: LoadedPrediction | DataError) -> None:
        self.answer = answer

    def read(self, expression_id: str, clip: object) -> LoadedPrediction:
        if isinstance(self.answer, DataError):
            raise self.answer
        return self.answer


def job_with(task: Task, protocol: ScoringProtocol, answer: LoadedPrediction | DataError) -> ScoringJob:
    return replace(job(task, "perfect", ScoringOptions(protocol)), source=FakeSource(answer))


def refused(broken: ScoringJob) -> MevisBenchError:
    with pytest.raises(MevisBenchError) as raised:
        score_video(broken)
    return raised.value


def tracks(frames: Sequence[int], ids: Sequence[int], boxes: Sequence[Sequence[float]]) -> TrackPrediction:
    return TrackPrediction(np.array(frames, np.int64), np.array(ids, np.int64), np.array(boxes, np.float64))


@pytest.mark.parametrize("protocol", [MEVIS_V2, *KITTI], ids=NAME)
@pytest.mark.parametrize(
    ("prediction", "text"),
    [
        (tracks([5], [0], [[0, 0, 2, 2]]), "a box is in frame 5 of a video of 5"),
        (tracks([0], [0], [[0, 0, math.inf, 2]]), "a box has a corner that is not a finite number"),
        (tracks([0], [0], [[3, 0, 2, 2]]), "a box ends before it begins; boxes are [x0, y0, x1, y1]"),
        (tracks([1, 1], [4, 4], [[0, 0, 2, 2]] * 2), "identity 4 has two boxes in frame 1"),
    ],
)
def test_contradicting_tracks_are_refused(protocol: ScoringProtocol, prediction: TrackPrediction, text: str) -> None:
    error = refused(job_with(TASKS["rmot"], protocol, prediction))
    assert isinstance(error, DataError)
    assert str(error) == f"v/0: {text}"


@pytest.mark.parametrize("protocol", [p for t, p in CASES if t is TASKS["rvos"] and p.measure == "regions"], ids=NAME)
def test_the_rule_flag_needs_a_target_score(protocol: ScoringProtocol) -> None:
    options = ScoringOptions(protocol, no_target="flag")
    error = refused(replace(job(TASKS["rvos"], "perfect", options)))
    assert isinstance(error, UsageError)
    assert str(error) == "v/0: the prediction has no target_score\nUse --no-target empty."


def test_protocols_of_other_data_are_refused() -> None:
    error = refused(job(TASKS["rmot"], "perfect", ScoringOptions(PROTOCOLS["ref_davis_annotators"])))
    assert str(error) == "--protocol: protocol 'ref_davis_annotators' is not one of rmot"
    masks = job(TASKS["rmot"], "perfect", ScoringOptions(REFER_KITTI))
    error = refused(replace(masks, options=ScoringOptions(REFER_KITTI_2023)))
    assert isinstance(error, UsageError)
    assert "protocol refer_kitti_as_published_2023 is of data sets with boxes" in str(error)
