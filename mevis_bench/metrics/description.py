"""RMEG of one sample and of a split: METEOR, CIDEr, and how often one sentence is given to different targets."""

from collections.abc import Sequence
from typing import cast

from mevis_bench.metrics.aggregation import Measured, Measurement, Values, mean_of
from mevis_bench.metrics.captions import (
    CaptionSample,
    Meteor,
    cider_scores,
    repeated_captions,
    tokenize_samples,
    without_gaps,
)
from mevis_bench.metrics.java import JavaError
from mevis_bench.metrics.rules import ScoringOptions
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.records import GroundTruth

Statistics = tuple[CaptionSample, tuple[str, frozenset[str]]]
"""The caption with its references, and whom it is about: video and annotation ids."""


def measure_caption(caption: str, ground_truth: GroundTruth, rules: ScoringOptions) -> Measurement:
    """Keep one caption with its references; it is scored together with all others."""
    references = ground_truth.references if rules.references == "all" else (ground_truth.expression.text,)
    target = (ground_truth.video_id, frozenset(ground_truth.expression.annotation_ids or ()))
    return Measurement({}, (CaptionSample(caption, references), target))


def measure_no_caption(ground_truth: GroundTruth, targets: TargetCache) -> Measurement:
    """Keep a sample whose prediction is missing: it says nothing."""
    return measure_caption("", ground_truth, ScoringOptions())


class CaptionCorpus:
    """The captions of a split. METEOR runs as a Java program from the beginning to :meth:`close`."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._measured: Sequence[Measured] = ()
        self._statistics: Sequence[str] = ()
        self._segments: Sequence[float | None] = ()
        self._cider: Sequence[float | None] = ()
        self._repeated: Sequence[float | None] = ()
        self._meteor: Meteor | None = None
        try:
            self._meteor = Meteor()
        except JavaError as error:
            self.notes.append(f"METEOR and CIDEr are not scored: {error}")

    def take(self, measured: Sequence[Measured]) -> None:
        """Take all samples.

        Raises:
            JavaError: A Java program died or hangs.
        """
        statistics = [cast(Statistics, sample.statistics) for sample in measured]
        samples = [sample for sample, _ in statistics]
        self._measured = measured
        self._segments = self._cider = [None] * len(samples)
        self._repeated = repeated_captions([sample.caption for sample in samples], [target for _, target in statistics])
        if self._meteor is not None:
            tokenized = tokenize_samples(samples)
            self._meteor.send([without_gaps(sample) for sample in tokenized])
            self._cider = cider_scores(tokenized)  # while METEOR is at work
            self._statistics = self._meteor.statistics(len(tokenized))
            self._segments = self._meteor.scores(self._statistics)[0]

    def values(self) -> Sequence[Values]:
        """Return ``METEOR`` and ``CIDEr`` of every sample, and ``repeated``."""
        return [
            {**sample.values, "METEOR": meteor, "CIDEr": cider, "repeated": repeated}
            for sample, meteor, cider, repeated in zip(
                self._measured, self._segments, self._cider, self._repeated, strict=True
            )
        ]

    def metrics(self, chosen: Sequence[int]) -> Values:
        """Return METEOR from the chosen samples' statistics, mean CIDEr, and the share of repeated captions."""
        meteor = None
        if self._meteor is not None and len(chosen) > 0:
            meteor = self._meteor.scores([self._statistics[index] for index in chosen])[1]
        return {
            "METEOR": meteor,
            "CIDEr": mean_of([self._cider[index] for index in chosen]),
            "repeated": mean_of([self._repeated[index] for index in chosen]),
        }

    def close(self) -> None:
        """End METEOR."""
        if self._meteor is not None:
            self._meteor.close()
            self._meteor = None
