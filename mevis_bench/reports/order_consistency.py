"""Order consistency: accuracy on pairs of sentences that differ only in the order of two motions.

"the ball that moves left and then up" and "the ball that moves up and then left" refer to two similar objects of one
video. A prediction is right if its masks overlap its own target more than its partner's; chance level is 0.5.
"""

from dataclasses import dataclass
from pathlib import Path

from mevis_bench.masks import MaskRows
from mevis_bench.metrics.region import intersections
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.records import NothingMeasuredError
from mevis_bench.records.dataset import Dataset
from mevis_bench.store.open_predictions import open_predictions
from mevis_bench.store.prediction_source import FrameSpec, LoadedMasks


@dataclass(frozen=True, slots=True)
class OrderPairs:
    """Predictions for the sentences of order pairs, counted.

    Attributes:
        sentences: Sentences that have a partner in their video and a prediction.
        right: Predictions that overlap their own target more than their partner's.
        wrong: Predictions that overlap their partner's target more.
        neither: Predictions that overlap both equally, for instance empty ones.
    """

    sentences: int
    right: int
    wrong: int
    neither: int

    @property
    def share(self) -> float:
        """Share of right predictions, 0..1; ``neither`` counts as not right."""
        return self.right / self.sentences


def count_order_pairs(predictions: Path, opened: Dataset) -> OrderPairs:
    """Count right and wrong predictions for the order pairs of a split.

    Args:
        predictions: A run folder or any other format that can be scored.
        opened: Their split.

    Raises:
        UsageError: The predictions do not exist.
        DataError: A prediction is broken.
        NothingMeasuredError: No predicted sentence has a partner.
    """
    source = open_predictions(predictions)
    predicted = source.samples()
    counts = {"right": 0, "wrong": 0, "neither": 0}
    for video_id in opened.video_ids:
        ground_truths = {ground_truth.expression.id: ground_truth for ground_truth in opened.ground_truths(video_id)}
        targets = TargetCache()
        video = opened.video(video_id)
        frames = FrameSpec(video_id, video.frame_names, video.height, video.width)
        for ground_truth in ground_truths.values():
            partner = ground_truths.get(ground_truth.expression.order_pair or "")
            if partner is None or ground_truth.sample not in predicted:
                continue
            prediction = source.read(ground_truth.expression.id, frames)
            if not isinstance(prediction, LoadedMasks):
                continue
            own_iou = _iou(prediction.rows, targets.target(ground_truth).rows)
            partner_iou = _iou(prediction.rows, targets.target(partner).rows)
            counts["right" if own_iou > partner_iou else "wrong" if own_iou < partner_iou else "neither"] += 1
    if not sum(counts.values()):
        raise NothingMeasuredError(
            "no predicted sentence belongs to an order pair",
            location=str(predictions),
            hint="Only generated splits (mini) have order pairs.",
        )
    return OrderPairs(sum(counts.values()), **counts)


def _iou(prediction: MaskRows, target: MaskRows) -> float:
    """Return intersection over union of entire videos, 0..1; 0 where both are empty."""
    intersection = int(intersections(prediction, target).sum())
    union = int(prediction.areas().sum() + target.areas().sum()) - intersection
    return intersection / union if union else 0.0
