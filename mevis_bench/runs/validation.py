"""Metrics of a method in training: the scores that ``mevis-bench score`` would give its predictions."""

from dataclasses import dataclass

from mevis_bench.masks import MaskRows
from mevis_bench.methods.prediction_checks import validate_prediction
from mevis_bench.metrics.aggregation import ScoredSample
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.targets import TargetCache, target_columns
from mevis_bench.records import MaskPrediction, Method, Prediction
from mevis_bench.records.dataset import Dataset
from mevis_bench.store.prediction_source import LoadedMasks, LoadedPrediction
from mevis_bench.tasks import find_task


@dataclass(frozen=True, slots=True)
class Validation:
    """Scoring of a method on the first videos of a split; see ``TrainingArguments.evaluate``.

    Attributes:
        task: Name of the task.
        split: The split.
    """

    task: str
    split: Dataset

    def __call__(self, method: Method, videos: int) -> dict[str, float]:
        """Predict and score every sample of the first ``videos`` videos.

        Returns:
            The task's metrics by name, fractions; without those that are undefined.
        """
        task = find_task(self.task)
        options = ScoringOptions()
        aggregator = task.aggregator(options)
        try:
            for video_id in self.split.video_ids[:videos]:
                video, targets = self.split.video(video_id), TargetCache()
                ids = {expression.id for expression in task.expressions(self.split, video_id)}
                truths = [truth for truth in self.split.ground_truths(video_id) if truth.expression.id in ids]
                predictions = method.predict(video, task.prompts(self.split, video_id))
                for truth, prediction in zip(truths, predictions, strict=True):
                    validate_prediction(prediction, self.task, video)
                    scores = task.score(as_scored(prediction), truth, targets, options)
                    columns = target_columns(truth, targets.target(truth))
                    aggregator.update(
                        [ScoredSample(truth.sample, {**scores.values, **columns}, scores.statistics, None)]
                    )
            values = aggregator.compute(None)
        finally:
            aggregator.close()
        return {name: float(value) for name, value in values.items() if value is not None}


def as_scored(prediction: Prediction) -> LoadedPrediction:
    """Return a prediction as it would be read again for scoring."""
    if isinstance(prediction, MaskPrediction):
        return LoadedMasks(MaskRows.from_dense(prediction.masks), target_score=prediction.target_score)
    return prediction
