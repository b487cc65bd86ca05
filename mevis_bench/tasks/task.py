"""What a task is: what a method is asked, what it may answer, and how answers are scored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mevis_bench.metrics.aggregation import Corpus, Measurement
from mevis_bench.metrics.rules import ScoringOptions
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.records import DataError, Expression, GroundTruth, Prompt
from mevis_bench.records.dataset import Dataset
from mevis_bench.store.prediction_source import LoadedPrediction


class Measure(Protocol):
    """Scores one answer."""

    def __call__(
        self, answer: LoadedPrediction, ground_truth: GroundTruth, targets: TargetCache, rules: ScoringOptions
    ) -> Measurement:
        """Return the sample's values and what the aggregate needs beyond them."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """One of the benchmark's tasks.

    Attributes:
        name: ``rvos``, ``avos``, ``rmot`` or ``rmeg``.
        title: Its name in words.
        answers: Types of answers that can be scored.
        asks: Whether an expression is a sample of the task, given its truth's annotation ids.
        prompt: What a method is asked about one expression of a video.
        measure: Scores one answer of one of these types.
        measure_missing: Scores a sample without an answer, where these count as zero.
        corpus: Makes what puts measured samples together.
    """

    name: str
    title: str
    answers: tuple[type, ...]
    asks: Callable[[Expression], bool]
    prompt: Callable[[Dataset, str, Expression], Prompt]
    measure: Measure
    measure_missing: Callable[[GroundTruth, TargetCache], Measurement]
    corpus: Callable[[], Corpus]

    def expressions(self, split: Dataset, video_id: str) -> tuple[Expression, ...]:
        """Return the expressions of one video that are samples of this task, in file order."""
        return tuple(expression for expression in split.expressions(video_id) if self.asks(expression))

    def prompts(self, split: Dataset, video_id: str) -> tuple[Prompt, ...]:
        """Return everything that is asked about one video, in file order."""
        return tuple(self.prompt(split, video_id, expression) for expression in self.expressions(split, video_id))

    def validate_prediction(self, answer: LoadedPrediction, location: str) -> LoadedPrediction:
        """Return ``answer`` if this task can score its type.

        Raises:
            DataError: It can't.
        """
        if not isinstance(answer, self.answers):
            wanted = " or ".join(_WORDS[kind.__name__] for kind in self.answers)
            found = _WORDS[type(answer).__name__]
            raise DataError(f"{self.name} is scored from {wanted}; this holds {found}", location=location)
        return answer


_WORDS = {"LoadedMasks": "masks", "TrackPrediction": "tracks", "CaptionPrediction": "a caption"}
