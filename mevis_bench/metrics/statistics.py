"""Significance of the difference between two runs: paired by sample, clustered by video.

The expressions of one video share its frames and objects, so their scores are not independent: resampling and sign
flips are done per video, never per expression.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 10_000
CONFIDENCE = 0.95
POWER = 0.80
MIN_VIDEOS = 6
"""Fewest videos for an interval or p-value: with 5, the smallest two-sided p of sign flips is 2 / 2**5 > 0.05."""


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Difference of two runs in one metric over one set of samples.

    Attributes:
        effect: Mean difference, second run minus first, in the metric's own unit.
        low: Lower end of the 95 % interval (cluster bootstrap, percentiles); ``None``: there are fewer than
            ``MIN_VIDEOS`` videos, so nothing can be claimed.
        high: Upper end, likewise.
        p: Two-sided p-value of "no difference" (sign flips per video), likewise; 1 if all differences are zero.
        detectable: Minimum detectable effect with this many videos: 80 % power at the 5 % level; likewise.
        samples: Number of paired samples.
        videos: Number of videos they come from.
    """

    effect: float
    low: float | None
    high: float | None
    p: float | None
    detectable: float | None
    samples: int
    videos: int


def paired_difference(differences: ArrayLike, videos: Sequence[str], *, seed: int = 0) -> PairedDifference:
    """Estimate a paired difference with its uncertainty.

    Args:
        differences: float ``(n,)``, second run minus first, one per sample.
        videos: Length n, the video of each sample.
        seed: Seed of the resampling; the same input and seed give the same numbers.

    Raises:
        ValueError: ``differences`` is empty, or the lengths differ.
    """
    values, sums, sizes = _by_video(differences, videos)
    if sums.size < MIN_VIDEOS:
        return PairedDifference(float(values.mean()), None, None, None, None, values.size, sums.size)
    random = np.random.default_rng(seed)
    means = _bootstrap_means(sums, sizes, random)
    low, high = _interval(means)
    normal = NormalDist()
    scale = normal.inv_cdf((1 + CONFIDENCE) / 2) + normal.inv_cdf(POWER)
    return PairedDifference(
        effect=float(values.mean()),
        low=low,
        high=high,
        p=_sign_flip_p(sums, random),
        detectable=float(scale * means.std()),
        samples=values.size,
        videos=sums.size,
    )


def bootstrap_means(
    rows: Sequence[NDArray[np.float64]], videos: Sequence[str], *, seed: int = 0
) -> NDArray[np.float64] | None:
    """Return the means of several rows over the same bootstrap draws of videos, ``(DRAWS, rows)``.

    Differences of its columns are draws of paired differences.

    Args:
        rows: Values of the same samples, each ``(n,)``.
        videos: Length n, the video of each sample.
        seed: Seed of the resampling.

    Returns:
        ``None``: there are no rows, or fewer than ``MIN_VIDEOS`` videos.
    """
    names, cluster = np.unique(np.asarray(videos), return_inverse=True)
    if not rows or names.size < MIN_VIDEOS:
        return None
    sums = np.stack([np.bincount(cluster, weights=row) for row in rows], axis=1).astype(np.float64)
    return _bootstrap_means(sums, np.bincount(cluster).astype(np.float64), np.random.default_rng(seed))


def _by_video(
    values: ArrayLike, videos: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the values ``(n,)``, and their sum and number in every video, ``(v,)`` each."""
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0 or array.shape != (len(videos),):
        raise ValueError(
            f"expected one difference per sample and at least one, got {array.size} for {len(videos)} samples"
        )
    _, cluster = np.unique(np.asarray(videos), return_inverse=True)
    sums = np.bincount(cluster, weights=array).astype(np.float64)
    return array, sums, np.bincount(cluster).astype(np.float64)


def draw_videos(videos: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Return how often every one of at least one video is in every bootstrap draw, ``(DRAWS, videos)``."""
    draws: NDArray[np.int64] = np.random.default_rng(seed).multinomial(videos, np.full(videos, 1 / videos), size=DRAWS)
    return draws


def margin(draws: NDArray[np.float64]) -> float:
    """Return half of the 95 % interval (percentiles) of a value in the bootstrap draws, ``(n,)``, n >= 1."""
    low, high = _interval(draws)
    return (high - low) / 2


def margin_of_means(columns: Sequence[Sequence[float | None]], videos: Sequence[str], *, seed: int = 0) -> float | None:
    """Return half of the 95 % interval of an average of means over samples (bootstrap over videos).

    Videos are drawn from those with a value; draws without a value of one of the means are left out.

    Args:
        columns: Values of each mean, one per sample; ``None``: the sample does not belong to it.
        videos: The video of each sample.
        seed: Seed of the resampling.

    Returns:
        ``None``: a mean has values in fewer than ``MIN_VIDEOS`` videos.
    """
    known = [index for index, row in enumerate(zip(*columns, strict=True)) if any(value is not None for value in row)]
    names, cluster = np.unique([videos[index] for index in known], return_inverse=True)
    values = np.array([[column[index] for index in known] for column in columns], np.float64)
    defined = ~np.isnan(values)
    sizes = np.stack([np.bincount(cluster, one, names.size) for one in defined])
    if not known or (sizes > 0).sum(axis=1).min() < MIN_VIDEOS:
        return None
    sums = np.stack([np.bincount(cluster, one, names.size) for one in np.nan_to_num(values)])
    counts = draw_videos(names.size, seed=seed)
    totals = counts @ sizes.T
    complete = (totals > 0).all(axis=1)
    means = ((counts @ sums.T)[complete] / totals[complete]).mean(axis=1)
    return margin(means)


def _interval(means: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _bootstrap_means(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float64]:
    """Return the mean over samples of every bootstrap draw of videos.

    Args:
        sums: Sums of the values of each video, ``(videos,)`` or ``(videos, rows)``.
        sizes: Number of samples of each video, ``(videos,)``.
        random: Draws the videos.

    Returns:
        ``(DRAWS,)`` or ``(DRAWS, rows)``.
    """
    counts = random.multinomial(sizes.size, np.full(sizes.size, 1 / sizes.size), size=DRAWS)
    means: NDArray[np.float64] = ((counts @ sums).T / (counts @ sizes)).T
    return means


def _sign_flip_p(sums: NDArray[np.float64], random: np.random.Generator) -> float:
    """Return the two-sided p-value: share of random sign flips with a total at least as large as the observed one."""
    if not sums.any():
        return 1.0
    signs = random.integers(0, 2, size=(DRAWS, sums.size)) * 2 - 1
    # Mathematically equal sums differ by rounding and must count as equal.
    at_least = np.abs(signs @ sums) >= abs(sums.sum()) - 1e-12
    return float((1 + at_least.sum()) / (1 + DRAWS))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for multiple tests (Holm 1979), in the given order; an empty list stays empty."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = largest
    return adjusted


def mean_interval(
    values: ArrayLike, videos: Sequence[str], *, seed: int = 0
) -> tuple[float, float | None, float | None]:
    """Return mean, lower and upper end of the 95 % interval of per-sample values (bootstrap over videos).

    The ends are ``None`` with fewer than ``MIN_VIDEOS`` videos.

    Args:
        values: float ``(n,)``, n >= 1.
        videos: Length n, the video of each sample.
        seed: Seed of the resampling.
    """
    array, sums, sizes = _by_video(values, videos)
    if sums.size < MIN_VIDEOS:
        return float(array.mean()), None, None
    return float(array.mean()), *_interval(_bootstrap_means(sums, sizes, np.random.default_rng(seed)))
