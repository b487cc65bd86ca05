"""Is a difference between two runs more than luck? Paired by sample, clustered by video.

The expressions of one video share its frames and objects, so their scores are not independent: whole videos are
resampled and flipped, never single expressions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 10_000
CONFIDENCE = 0.95
POWER = 0.80


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The difference of two runs in one metric over one set of samples.

    Attributes:
        effect: Mean difference, second run minus first, in the metric's own unit.
        low: Lower end of the 95 % interval (cluster bootstrap, percentiles).
        high: Upper end.
        p: Two-sided p-value of "no difference" (sign flips of whole videos); 1 where nothing differs.
        detectable: Smallest true difference that this many videos show with 80 % power at the 5 % level.
        samples: Number of paired samples.
        videos: Number of videos they come from.
    """

    effect: float
    low: float
    high: float
    p: float
    detectable: float
    samples: int
    videos: int


def paired_difference(differences: ArrayLike, videos: Sequence[str], *, seed: int = 0) -> PairedDifference:
    """Estimate a paired difference with its uncertainty.

    Args:
        differences: float ``(n,)``, second run minus first, one per sample.
        videos: Length n, the video of each sample.
        seed: Seed of the resampling; the same input and seed give the same numbers.

    Raises:
        ValueError: There are no samples, or the lengths differ.
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.size == 0 or values.shape != (len(videos),):
        raise ValueError(f"{values.size} differences for {len(videos)} samples; at least one of each is needed")
    _, cluster = np.unique(np.asarray(videos), return_inverse=True)
    sums = np.bincount(cluster, weights=values).astype(np.float64)
    sizes = np.bincount(cluster).astype(np.float64)
    random = np.random.default_rng(seed)
    means = _bootstrap_means(sums, sizes, random)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    normal = NormalDist()
    reach = normal.inv_cdf((1 + CONFIDENCE) / 2) + normal.inv_cdf(POWER)
    return PairedDifference(
        effect=float(values.mean()),
        low=float(low),
        high=float(high),
        p=_sign_flip_p(sums, random),
        detectable=float(reach * means.std()),
        samples=values.size,
        videos=sums.size,
    )


def _bootstrap_means(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float64]:
    """Draw videos with replacement; return the mean over samples of every draw, ``(DRAWS,)``."""
    drawn = random.multinomial(sums.size, np.full(sums.size, 1 / sums.size), size=DRAWS)
    means: NDArray[np.float64] = (drawn @ sums) / (drawn @ sizes)
    return means


def _sign_flip_p(sums: NDArray[np.float64], random: np.random.Generator) -> float:
    """Two-sided p-value: how often random signs per video give a total at least as large as the observed one."""
    if not sums.any():
        return 1.0
    signs = random.integers(0, 2, size=(DRAWS, sums.size)) * 2 - 1
    # Sums that are equal on paper differ by rounding; they must count as equal.
    at_least = np.abs(signs @ sums) >= abs(sums.sum()) - 1e-12
    return float((1 + at_least.sum()) / (1 + DRAWS))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for testing several slices at once (Holm 1979); order is kept, an empty list stays empty."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = largest
    return adjusted


def mean_interval(values: ArrayLike, videos: Sequence[str], *, seed: int = 0) -> tuple[float, float, float]:
    """Return the mean of per-sample values with the ends of its 95 % interval (whole videos resampled).

    Args:
        values: float ``(n,)``, n >= 1.
        videos: Length n, the video of each sample.
        seed: Seed of the resampling.
    """
    result = paired_difference(values, videos, seed=seed)
    return result.effect, result.low, result.high
