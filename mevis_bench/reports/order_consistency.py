"""Is the order of motion understood? Pairs of sentences that differ only in which of two motions comes first.

"the ball that moves left and then up" and "the ball that moves up and then left" mean two look-alikes of one video. A
sentence is answered rightly if its masks overlap its own target more than its partner's: 0.5 is chance.
"""

from dataclasses import dataclass
from pathlib import Path

from mevis_bench.data.mevis.split import open_split
from mevis_bench.masks import MaskRows
from mevis_bench.metrics.region import intersections
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.records import NothingMeasuredError
from mevis_bench.store.open_predictions import open_predictions
from mevis_bench.store.prediction_source import FrameSpec, LoadedMasks


@dataclass(frozen=True, slots=True)
class OrderPairs:
    """How the sentences of order pairs were answered.

    Attributes:
        sentences: Sentences that have a partner in their video and a prediction.
        right: Those whose masks overlap their own target more than their partner's.
        wrong: Those for which it is the other way round.
        neither: Those whose masks overlap both alike, for instance not at all.
    """

    sentences: int
    right: int
    wrong: int
    neither: int

    @property
    def share(self) -> float:
        """Share of right answers, 0..1; one that picks neither is not right."""
        return self.right / self.sentences


def count_order_pairs(predictions: Path, *, data: Path | None = None, split: str = "valid_u") -> OrderPairs:
    """Count over all predictions of a split.

    Args:
        predictions: A run folder or any other form that can be scored.
        data: A MeViS folder or a split itself; ``None``: the embedded split.
        split: Name of the split in ``data``.

    Raises:
        UsageError: There are no such predictions or split.
        DataError: A prediction is broken.
        NothingMeasuredError: No prediction is of a sentence that has a partner.
    """
    source, opened = open_predictions(predictions), open_split(data, split)
    there = source.samples()
    counts = {"right": 0, "wrong": 0, "neither": 0}
    for video_id in opened.video_ids:
        ground_truths = {ground_truth.expression.id: ground_truth for ground_truth in opened.ground_truths(video_id)}
        targets = TargetCache()
        video = opened.video(video_id)
        clip = FrameSpec(video_id, video.frame_names, video.height, video.width)
        for ground_truth in ground_truths.values():
            partner = ground_truths.get(ground_truth.expression.order_pair or "")
            if partner is None or ground_truth.sample not in there:
                continue
            answer = source.read(ground_truth.expression.id, clip)
            if not isinstance(answer, LoadedMasks):
                continue
            own, other = (_iou(answer.rows, targets.target(one).rows) for one in (ground_truth, partner))
            counts["right" if own > other else "wrong" if own < other else "neither"] += 1
    if not sum(counts.values()):
        raise NothingMeasuredError(
            "no prediction is of a sentence that has a partner in the other order",
            location=str(predictions),
            hint="Only generated splits (mini) name such pairs.",
        )
    return OrderPairs(sum(counts.values()), **counts)


def _iou(one: MaskRows, other: MaskRows) -> float:
    """Intersection over union of whole clips, 0..1; 0 where both are empty."""
    both = int(intersections(one, other).sum())
    either = int(one.areas().sum() + other.areas().sum()) - both
    return both / either if either else 0.0
