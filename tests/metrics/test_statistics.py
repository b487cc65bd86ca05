"""Paired statistics against enumeration, planted effects and simulated nulls."""

import itertools

import numpy as np
import pytest

from mevis_bench.metrics.statistics import holm, paired_difference


def simulated(random: np.random.Generator, videos: int, per_video: int, effect: float) -> tuple[np.ndarray, list[str]]:
    """Differences with a shared part per video, so that samples of one video are correlated."""
    shared = random.normal(0, 0.1, size=(videos, 1))
    own = random.normal(0, 0.1, size=(videos, per_video))
    names = [f"v{index}" for index in range(videos) for _ in range(per_video)]
    return (shared + own + effect).ravel(), names


def test_equal_runs_do_not_differ() -> None:
    result = paired_difference(np.zeros(12), [f"v{index // 2}" for index in range(12)])
    assert (result.effect, result.low, result.high, result.p) == (0.0, 0.0, 0.0, 1.0)
    assert (result.samples, result.videos) == (12, 6)


@pytest.mark.parametrize("videos", [1, 5])
def test_nothing_is_claimed_from_too_few_videos(videos: int) -> None:
    result = paired_difference(np.full(60, 0.3), [f"v{index % videos}" for index in range(60)])
    assert result.effect == pytest.approx(0.3)
    assert (result.low, result.high, result.p, result.detectable) == (None, None, None, None)
    assert (result.samples, result.videos) == (60, videos)


def test_five_videos_cannot_reach_the_five_percent_level() -> None:
    patterns = list(itertools.product((-1, 1), repeat=5))
    extreme = sum(abs(sum(signs)) >= 5 for signs in patterns)
    assert extreme / len(patterns) > 0.05


def test_p_agrees_with_all_sign_patterns() -> None:
    sums = np.array([0.3, -0.1, 0.25, 0.4, 0.05, 0.2, -0.15, 0.1])
    exact = np.mean(
        [abs(np.dot(signs, sums)) >= abs(sums.sum()) - 1e-12 for signs in itertools.product((-1, 1), repeat=8)]
    )
    result = paired_difference(sums, [f"v{index}" for index in range(8)])
    assert result.p == pytest.approx(exact, abs=0.015)


def test_a_planted_difference_is_found_and_lies_in_its_interval() -> None:
    differences, videos = simulated(np.random.default_rng(1), 50, 18, 0.08)
    result = paired_difference(differences, videos)
    assert result.p < 0.001
    assert result.low < 0.08 < result.high
    assert result.detectable < 0.08


def test_at_most_one_null_in_twenty_is_called_a_difference() -> None:
    random = np.random.default_rng(2)
    p_values = [paired_difference(*simulated(random, 30, 6, 0.0), seed=trial).p for trial in range(200)]
    assert sum(p < 0.05 for p in p_values) <= 10


def test_ignoring_the_videos_would_call_too_many() -> None:
    random = np.random.default_rng(2)
    calls = 0
    for trial in range(30):
        differences, _ = simulated(random, 30, 6, 0.0)
        calls += paired_difference(differences, [str(index) for index in range(180)], seed=trial).p < 0.05
    assert calls > 5


def test_holm_is_the_textbook_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@pytest.mark.parametrize(("values", "videos"), [([], []), ([0.1], ["a", "b"])])
def test_lengths_must_agree_and_not_be_zero(values: list[float], videos: list[str]) -> None:
    with pytest.raises(ValueError, match="expected one difference per sample and at least one"):
        paired_difference(values, videos)
