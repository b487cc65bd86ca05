"""Margins are half of the interval of the aggregate itself, computed again for every draw of videos."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from mevis_bench.metrics import statistics
from mevis_bench.metrics.aggregation import Aggregator, SampleMetrics, ScoredSample
from mevis_bench.metrics.multi_object import TrackAggregator, sequence_metrics
from mevis_bench.metrics.protocols import MEVIS_V2
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.segmentation import MaskAggregator
from mevis_bench.metrics.statistics import draw_videos, margin_of_means, mean_interval
from mevis_bench.metrics.track_margins import pooled_margins
from mevis_bench.metrics.track_pairs import TrackPairs
from mevis_bench.reports.table import margins_of
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.tasks import find_task
from tests.fixtures.random_predictions import draw_tracks, make_tracks

OPTIONS = ScoringOptions(MEVIS_V2)
VIDEOS = tuple(f"v{index}" for index in range(7))


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "DRAWS", 200)


def margins_by_repetition(aggregator: Aggregator, samples: Sequence[ScoredSample]) -> dict[str, float]:
    """Return half of the interval of every metric over the draws, each with the samples of its videos repeated."""
    aggregator.update(samples)
    videos = [sample.sample.split("/")[0] for sample in samples]
    drawn: dict[str, list[float]] = {}
    for counts in draw_videos(len(VIDEOS)):
        times = dict(zip(VIDEOS, counts.tolist(), strict=True))
        indices = [index for index, video in enumerate(videos) for _ in range(times[video])]
        for name, value in aggregator.compute(indices).items():
            drawn.setdefault(name, [])
            if value is not None:
                drawn[name].append(value)
    quantiles = {name: np.quantile(values, [0.025, 0.975]) for name, values in drawn.items()}
    return {name: (high - low) / 2 for name, (low, high) in quantiles.items()}


def results_of(task: str, metrics: Mapping[str, float | None], margins: Mapping[str, float]) -> Results:
    counts = {"expected": 1, "scored": 1, "missing": 0}
    return Results(task, "mevis_v2", metrics, counts, "valid_u", "f00d", margins=margins)


def track_sample(rng: np.random.Generator, name: str, *, has_target: bool, empty: bool) -> ScoredSample:
    true, predicted = draw_tracks(rng, 6, crowded=False)
    true, predicted = true if has_target else make_tracks([]), make_tracks([]) if empty else predicted
    pairs = TrackPairs.of(true, predicted)
    metrics: SampleMetrics = sequence_metrics(
        pairs, 6, MEVIS_V2.hota_thresholds, has_target=has_target, predicted_empty=empty
    )
    return ScoredSample(name, metrics.values, metrics.statistics)


def test_margins_of_tracks() -> None:
    rng = np.random.default_rng(5)
    kinds = [(True, False), (True, False), (False, True), (False, False)]
    samples = [
        track_sample(rng, f"{video}/{index}", has_target=has_target, empty=empty)
        for video in VIDEOS
        for index, (has_target, empty) in enumerate(kinds[: 2 + int(video[1:]) % 3])
    ]
    aggregator = TrackAggregator()
    expected = margins_by_repetition(aggregator, samples)
    del expected["N-acc"]  # of fewer than six videos
    scores = [SampleScore(sample.sample, sample.values) for sample in samples]
    margins = margins_of(results_of("rmot", aggregator.compute(), pooled_margins(samples)), scores)
    assert margins == pytest.approx(expected)
    assert expected.keys() == {*find_task("rmot").columns} - {"N-acc"}


def test_margins_of_masks() -> None:
    rng = np.random.default_rng(6)
    samples, scores = [], []
    for video in VIDEOS:
        for targets in (1, 2, 0, 3, 1)[: 3 + int(video[1:]) % 3]:
            j, f = rng.uniform(size=2).tolist()
            accuracy = {"N-acc": j if targets == 0 else None, "T-acc": f if targets else None}
            values = {"J": j, "F": f, "J&F": (j + f) / 2, "targets": targets, **accuracy}
            name = f"{video}/{len(samples)}"
            samples.append(ScoredSample(name, values))
            scores.append(SampleScore(name, values, (("no-target",), ("single",), ("multi",), ("multi",))[targets]))
    aggregator = MaskAggregator()
    expected = margins_by_repetition(aggregator, samples)
    assert margins_of(results_of("rvos", aggregator.compute(), {}), scores) == pytest.approx(expected)
    assert expected.keys() == {*find_task("rvos").columns}


def test_a_mean_over_a_part_of_the_videos_is_that_of_these_videos() -> None:
    values = [0.1, 0.9, 0.4, 0.5, 0.3, 0.8]
    videos = [f"v{index}" for index in range(6)]
    _, low, high = mean_interval(values, videos)
    assert low is not None
    assert high is not None
    assert margin_of_means([[*values, None, None]], [*videos, "w", "x"]) == (high - low) / 2


def test_few_videos_have_no_margin() -> None:
    rng = np.random.default_rng(7)
    samples = [track_sample(rng, f"{video}/0", has_target=True, empty=False) for video in VIDEOS]
    assert pooled_margins(samples[:5]) == {}
    assert pooled_margins(samples[:6]).keys() >= {"HOTA", "MOTA", "IDF1"}
    videos = list(VIDEOS)
    whole = [0.1] * 7
    assert margin_of_means([whole, [0.1] * 5 + [None] * 2], videos) is None
    assert margin_of_means([whole, [0.1] * 6 + [None]], videos) == pytest.approx(0.0)
    assert margin_of_means([[None] * 7], videos) is None


def test_no_box_at_all_has_no_margin() -> None:
    samples = [track_sample(np.random.default_rng(8), f"{video}/0", has_target=False, empty=True) for video in VIDEOS]
    assert pooled_margins(samples).keys() == {f"{name}*_pooled" for name in ("HOTA", "DetA", "AssA")}
