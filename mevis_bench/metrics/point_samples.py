"""Points of one expression and of a split: the metrics of the protocols that measure points."""

from collections.abc import Sequence

from mevis_bench.metrics.aggregation import SampleMetrics, ScoredSample, Values, mean_of, selected
from mevis_bench.metrics.metric import Metric
from mevis_bench.metrics.no_target import target_accuracy
from mevis_bench.metrics.points import sampled_truth, score_points
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.records import GroundTruth, MevisBenchError, PointPrediction

_SOURCE = "lmms-eval, tasks/rvos/utils.py"

POINT_METRICS: tuple[Metric, ...] = (
    Metric("point_P", "Share of right points, mean over scored frames.", _SOURCE, mean_of_samples=True),
    Metric("point_R", "Share of objects with a right point, mean over scored frames.", _SOURCE, mean_of_samples=True),
    Metric("point_F1", "Harmonic mean of both, mean over scored frames.", _SOURCE, mean_of_samples=True),
    Metric("point_HOTA", "HOTA where a point inside an object's mask matches it.", _SOURCE, mean_of_samples=True),
    Metric(
        "unreadable",
        'Share of the answers with words, but without a readable point; they count as "no target".',
        "this project",
        higher_is_better=False,
        mean_of_samples=True,
    ),
    Metric(
        "cut",
        "Share of the answers that end inside their points; the points before count.",
        "this project",
        higher_is_better=False,
        mean_of_samples=True,
    ),
)

_COLUMNS = (*(metric.name for metric in POINT_METRICS), "N-acc", "T-acc")


def score_point_sample(
    prediction: PointPrediction, ground_truth: GroundTruth, options: ScoringOptions
) -> SampleMetrics:
    """Score one expression's points.

    Raises:
        DataError: A true mask is broken.
    """
    truth = sampled_truth(ground_truth, options.rules.point_step)
    scores = score_points(prediction.by_frame(), truth, options.rules.point_protocol)
    return SampleMetrics(
        {
            "point_P": scores.precision,
            "point_R": scores.recall,
            "point_F1": scores.f1,
            "point_HOTA": scores.hota,
            "unreadable": float(prediction.is_unreadable),
            "cut": float(prediction.is_cut),
            **target_accuracy(bool(ground_truth.objects), predicted_empty=not len(prediction.frames)),
        }
    )


def score_missing_points(ground_truth: GroundTruth) -> SampleMetrics:
    """Return the values of a sample without a prediction: zero, and wrong about whether there is a target."""
    has_target = bool(ground_truth.objects)
    zeros = dict.fromkeys((metric.name for metric in POINT_METRICS), 0.0)
    return SampleMetrics({**zeros, **target_accuracy(has_target, predicted_empty=has_target)})


class PointAggregator:
    """Means over expressions."""

    notes: Sequence[str] = ()
    failure: MevisBenchError | None = None

    def __init__(self) -> None:
        self._values: list[Values] = []

    def update(self, samples: Sequence[ScoredSample]) -> None:
        """Add samples."""
        self._values += [sample.values for sample in samples]

    def sample_values(self) -> Sequence[Values]:
        """Return every sample's values."""
        return self._values

    def compute(self, indices: Sequence[int] | None = None) -> Values:
        """Return the means over expressions."""
        rows = selected(self._values, indices)
        return {name: mean_of([row[name] for row in rows]) for name in _COLUMNS}

    def close(self) -> None:
        """No-op."""
