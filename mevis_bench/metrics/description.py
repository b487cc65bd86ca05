"""RMEG of one sample and of a split: METEOR, CIDEr, and how often one sentence is given to different targets."""

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from mevis_bench.metrics.aggregation import SampleMetrics, ScoredSample, Values, mean_of, selected
from mevis_bench.metrics.captions import (
    CaptionSample,
    Meteor,
    TokenizedSample,
    cider_scores,
    fill_empty,
    repeated_captions,
    tokenize_samples,
)
from mevis_bench.metrics.java import JavaError
from mevis_bench.metrics.metric import Metric
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.records import GroundTruth

T = TypeVar("T")
Statistics = tuple[CaptionSample, tuple[str, frozenset[str]]]
"""The caption with its references, and its target: video and annotation ids."""

_NO_JAVA = "Java failed, or no sample is selected"

CAPTION_METRICS: tuple[Metric, ...] = (
    Metric(
        "METEOR",
        "METEOR 1.5 of all captions together, from their summed statistics.",
        "the paper, section 5.7; pycocoevalcap",
        _NO_JAVA,
        paper_name="METEOR",
    ),
    Metric(
        "CIDEr",
        "CIDEr-D, mean over captions; words are weighed by their rarity in the references of the whole split.",
        "the paper, section 5.7; pycocoevalcap",
        f"{_NO_JAVA}, or there is one sample in all",
        range=(0.0, 10.0),
        paper_name="CIDEr",
        mean_of_samples=True,
    ),
    Metric(
        "repeated",
        "Share of the captions that another target of the same video gets as well.",
        "this benchmark",
        undefined="no selected sample is of a video with several target sets",
        higher_is_better=False,
        mean_of_samples=True,
    ),
)


_ROUND_TRIP = "J&F by "


def round_trip_metric(reader: str) -> Metric:
    """Return the metric of sentences given back to an RVOS method, its reader (``mevis-bench roundtrip``)."""
    return Metric(
        f"{_ROUND_TRIP}{reader}",
        f"J&F of the masks that {reader} predicts from the captions, mean over captions; an empty one counts 0.",
        "this benchmark",
        mean_of_samples=True,
        gated=False,
    )


def reader_of(name: str) -> str | None:
    """Return the reader in a metric's name; ``None``: it has none."""
    return name.removeprefix(_ROUND_TRIP) if name.startswith(_ROUND_TRIP) else None


def named_caption_metric(name: str) -> Metric | None:
    """Return the metric of a name that has its reader in it; ``None``: it is not such a name."""
    reader = reader_of(name)
    return None if reader is None else round_trip_metric(reader)


def score_caption_sample(caption: str, ground_truth: GroundTruth, options: ScoringOptions) -> SampleMetrics:
    """Return one caption with its references; it is scored together with all others by the aggregator."""
    references = ground_truth.references if options.references == "all" else (ground_truth.expression.text,)
    target = (ground_truth.video_id, frozenset(ground_truth.expression.annotation_ids or ()))
    return SampleMetrics({}, (CaptionSample(caption, references), target))


def score_missing_caption(ground_truth: GroundTruth, targets: TargetCache, options: ScoringOptions) -> SampleMetrics:
    """Return the statistics of a sample without a prediction: those of an empty caption."""
    return score_caption_sample("", ground_truth, options)


class CaptionAggregator:
    """``CAPTION_METRICS`` of a split.

    METEOR's Java program starts with the aggregator, because that takes seconds, and ends with :meth:`close`. All
    captions are scored together when the first value is requested. If a Java program crashes, ``failure`` has the
    error, and what is computed without it is kept.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._samples: list[ScoredSample] = []
        self._scored = False
        self._statistics: Sequence[str] = ()
        self._segments: Sequence[float | None] = ()
        self._cider: Sequence[float | None] = ()
        self._repeated: Sequence[float | None] = ()
        self.failure: JavaError | None = None
        self._meteor: Meteor | None = Meteor()

    def update(self, samples: Sequence[ScoredSample]) -> None:
        """Add samples."""
        self._samples += samples
        self._scored = False

    def sample_values(self) -> Sequence[Values]:
        """Return ``METEOR``, ``CIDEr`` and ``repeated`` of every sample."""
        self._score()
        return [
            {**sample.values, "METEOR": meteor, "CIDEr": cider, "repeated": repeated}
            for sample, meteor, cider, repeated in zip(
                self._samples, self._segments, self._cider, self._repeated, strict=True
            )
        ]

    def compute(self, indices: Sequence[int] | None = None) -> Values:
        """Return METEOR from the samples' statistics, mean CIDEr, and the share of repeated captions."""
        self._score()
        return {
            "METEOR": self._total_meteor(indices),
            "CIDEr": mean_of(selected(self._cider, indices)),
            "repeated": mean_of(selected(self._repeated, indices)),
        }

    def close(self) -> None:
        """Stop METEOR."""
        if self._meteor is not None:
            self._meteor.close()
            self._meteor = None

    def _total_meteor(self, indices: Sequence[int] | None) -> float | None:
        meteor = self._meteor
        statistics = selected(self._statistics, indices) if self._statistics else ()
        if meteor is None or not statistics:
            return None
        scores = self._attempt(lambda: meteor.scores(statistics))
        return None if scores is None else scores[1]

    def _score(self) -> None:
        if self._scored:
            return
        self._scored = True
        pairs = [cast(Statistics, sample.statistics) for sample in self._samples]
        samples = [sample for sample, _ in pairs]
        self._statistics = ()
        self._segments = self._cider = [None] * len(samples)
        self._repeated = repeated_captions([sample.caption for sample in samples], [target for _, target in pairs])
        if not samples or self._meteor is None:
            return
        meteor = self._meteor
        tokenized = self._attempt(lambda: tokenize_samples(samples))
        if tokenized is None:
            return
        self._attempt(lambda: meteor.send([fill_empty(sample) for sample in tokenized]))
        self._score_cider(tokenized)  # while METEOR is at work
        statistics = None if self.failure else self._attempt(lambda: meteor.statistics(len(tokenized)))
        scores = None if statistics is None else self._attempt(lambda: meteor.scores(statistics))
        if statistics is not None and scores is not None:
            self._statistics, self._segments = statistics, scores[0]

    def _score_cider(self, tokenized: Sequence[TokenizedSample]) -> None:
        if len(tokenized) > 1:
            self._cider = cider_scores(tokenized)
            return
        # A word in the references of every sample has a weight of log(1) = 0.
        self.notes.append("CIDEr of one sample is undefined: words are weighed by their rarity among samples")

    def _attempt(self, action: Callable[[], T]) -> T | None:
        """Return what an action returns; ``None``: a Java program crashed, and METEOR is given up."""
        try:
            return action()
        except JavaError as error:
            self.failure = error
            self.close()
            return None
