"""A task as a record: the prompt of a method, the predictions it may return, and how they are scored and printed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mevis_bench.metrics.aggregation import Aggregator, SampleMetrics, ScoredSample
from mevis_bench.metrics.metric import Metric, unknown_metric
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.records import DataError, Expression, GroundTruth, Prediction, Prompt
from mevis_bench.records.dataset import Dataset
from mevis_bench.records.task_names import TASK_TYPES
from mevis_bench.store.prediction_source import KINDS, LoadedPrediction
from mevis_bench.tasks.references import ReferenceScorer


class Scorer(Protocol):
    """Scores one prediction."""

    def __call__(
        self, prediction: LoadedPrediction, ground_truth: GroundTruth, targets: TargetCache, options: ScoringOptions
    ) -> SampleMetrics:
        """Return the sample's values and the input of the aggregator."""
        ...


JointScorer = Callable[
    [Sequence[LoadedPrediction | None], Sequence[GroundTruth], TargetCache, ScoringOptions], Sequence[SampleMetrics]
]


@dataclass(frozen=True, slots=True)
class Task:
    """One of the benchmark's tasks. Everything that differs between tasks is a field here.

    Attributes:
        name: Name on the command line and in files; one of ``TASK_NAMES``.
        title: Full name.
        metrics: Metrics in the order of the table's columns: exactly what the aggregator computes for MeViS.
        protocol_metrics: Metrics that only protocols of other data sets have, in the order of the table's columns.
        headlines: Names of the metrics that represent the task where all tasks share one table.
        ranking: The value of single samples whose mean ranks the rows of a leaderboard; also the title of the paper's
            column that the order is compared with.
        sample_score: The value that gallery, pictures and failures rank samples by.
        sample_details: Further values of a sample that they show.
        scorable: Types of stored predictions that can be scored.
        applies_to: Whether an expression is a sample of the task, given its annotation ids.
        make_prompt: Makes the prompt of one expression of a video.
        score: Scores one prediction of a type in ``scorable``.
        score_missing: Scores a sample without a prediction, where that counts as zero.
        score_jointly: Scores all samples of a video, where the protocol compares them with each other; ``None``
            stands for a missing prediction. ``None``: no protocol of the task does.
        aggregator: Makes the aggregator of a split.
        reference: Scores again with independent code, for ``score --verify``.
        paper_tables: Numbers of the paper's tables about the task.
        example: A command line that runs it.
        pooled_margins: Half of the 95 % interval of the metrics that pool counts of samples, by name.
        check_scorable: Raises ``NothingMeasuredError`` where something that the metrics need is not installed.
        named_metric: Returns the metric of a name that holds a method's name (``roundtrip``), else ``None``.
    """

    name: str
    title: str
    metrics: tuple[Metric, ...]
    headlines: tuple[str, ...]
    ranking: str
    sample_score: str
    sample_details: tuple[str, ...]
    scorable: tuple[type[LoadedPrediction], ...]
    applies_to: Callable[[Expression], bool]
    make_prompt: Callable[[Dataset, str, Expression], Prompt]
    score: Scorer
    score_missing: Callable[[GroundTruth, TargetCache, ScoringOptions], SampleMetrics]
    aggregator: Callable[[ScoringOptions], Aggregator]
    reference: ReferenceScorer
    paper_tables: tuple[int, ...]
    example: str
    protocol_metrics: tuple[Metric, ...] = ()
    score_jointly: JointScorer | None = None
    check_scorable: Callable[[], object] = lambda: None
    named_metric: Callable[[str], Metric | None] = lambda name: None
    pooled_margins: Callable[[Sequence[ScoredSample]], Mapping[str, float]] = lambda samples: {}

    @property
    def prompt_type(self) -> type[Prompt]:
        """Type of the prompts that a method is given."""
        return TASK_TYPES[self.name].prompt

    @property
    def prediction_type(self) -> type[Prediction]:
        """Type of the predictions that a method returns."""
        return TASK_TYPES[self.name].prediction

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the metrics, in the order of the table's columns."""
        return tuple(metric.name for metric in self.metrics)

    @property
    def sample_title(self) -> str:
        """Title of the value that samples are ranked by."""
        return self.sample_score.removesuffix("*")

    @property
    def sample_columns(self) -> tuple[str, ...]:
        """Names of the metrics that single samples can have in ``scores.jsonl``, in the order of the table's columns.

        ``HOTA*_macro`` and ``HOTA*_pooled`` are one value of a sample, ``HOTA*``.
        """
        names = (name.removesuffix("_macro").removesuffix("_pooled") for name in self.columns)
        return tuple(dict.fromkeys(names))

    @property
    def all_metrics(self) -> tuple[Metric, ...]:
        """Metrics of all protocols, in the order of the table's columns."""
        return (*self.metrics, *self.protocol_metrics)

    @property
    def paper_columns(self) -> Mapping[str, str]:
        """Names of the metrics by their column titles in the paper's tables."""
        return {metric.paper_name: metric.name for metric in self.all_metrics if metric.paper_name is not None}

    def find_metric(self, name: str) -> Metric | None:
        """Return the metric of this name; ``None``: the task has none."""
        found = next((metric for metric in self.all_metrics if metric.name == name), None)
        return found or self.named_metric(name)

    def metric(self, name: str) -> Metric:
        """Return the metric of this name; a value that no task defines gets a record of its own."""
        return self.find_metric(name) or unknown_metric(name)

    def expressions(self, split: Dataset, video_id: str) -> tuple[Expression, ...]:
        """Return the expressions of one video that are samples of this task, in file order."""
        return tuple(expression for expression in split.expressions(video_id) if self.applies_to(expression))

    def prompts(self, split: Dataset, video_id: str) -> tuple[Prompt, ...]:
        """Return the prompts of one video, in file order."""
        return tuple(self.make_prompt(split, video_id, expression) for expression in self.expressions(split, video_id))

    def validate_prediction(self, prediction: LoadedPrediction, location: str) -> LoadedPrediction:
        """Return ``prediction`` if this task can score its type.

        Raises:
            DataError: It cannot.
        """
        if not isinstance(prediction, self.scorable):
            expected = " or ".join(KINDS[prediction_type] for prediction_type in self.scorable)
            raise DataError(f"{self.name} is scored from {expected}, got {KINDS[type(prediction)]}", location=location)
        return prediction
