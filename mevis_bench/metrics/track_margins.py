"""Uncertainty of the RMOT metrics that pool counts: bootstrap over videos."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mevis_bench.metrics.aggregation import ScoredSample
from mevis_bench.metrics.clear import clear_ratios
from mevis_bench.metrics.multi_object import TrackStatistics
from mevis_bench.metrics.statistics import MIN_VIDEOS, draw_videos, margin
from mevis_bench.metrics.tracking import SequenceCounts, threshold_scores


def pooled_margins(samples: Sequence[ScoredSample]) -> dict[str, float]:
    """Return half of the 95 % interval of HOTA, ``HOTA*_pooled``, CLEAR and Identity, by metric.

    In every draw the counts of the drawn videos are pooled as those of the split are; draws without a true or
    predicted box are left out. Empty: there are fewer than ``MIN_VIDEOS`` videos, or none has a box.
    """
    names, cluster = np.unique([sample.sample.rpartition("/")[0] for sample in samples], return_inverse=True)
    if names.size < MIN_VIDEOS:
        return {}
    statistics = [cast(TrackStatistics, sample.statistics) for sample in samples]
    draws = draw_videos(names.size)

    def drawn(count: Callable[[TrackStatistics], object]) -> NDArray[Any]:
        """Return the sums of a count, ``()`` or ``(k,)``, over the samples of every draw, ``(DRAWS, ...)``."""
        of_sample = np.array([count(one) for one in statistics])
        of_video = np.zeros((names.size, *of_sample.shape[1:]), of_sample.dtype)
        np.add.at(of_video, cluster, of_sample)
        return np.tensordot(draws, of_video, axes=1)

    def hota(counts: Callable[[TrackStatistics], SequenceCounts]) -> dict[str, float]:
        pooled = SequenceCounts(
            drawn(lambda one: counts(one).tp),
            drawn(lambda one: counts(one).fn),
            drawn(lambda one: counts(one).fp),
            drawn(lambda one: counts(one).association),
            drawn(lambda one: counts(one).similarity),
        )
        known = (pooled.tp + pooled.fn + pooled.fp).any(axis=1)
        scores = (score.mean(axis=1)[known] for score in threshold_scores(pooled))
        named = zip(("HOTA", "DetA", "AssA", "LocA"), scores, strict=True)
        return {name: margin(score) for name, score in named if score.size}

    true, predicted = drawn(lambda one: one.clear.true), drawn(lambda one: one.clear.predicted)
    switches = drawn(lambda one: one.clear.switches)
    ratios = clear_ratios(
        true,
        predicted,
        drawn(lambda one: one.clear.tp),
        drawn(lambda one: one.clear.similarity),
        switches,
        drawn(lambda one: one.clear.idtp),
    )
    known = true + predicted > 0
    clear = dict(zip(("MOTA", "MOTP", "IDF1", "IDSW"), (*ratios, switches), strict=True)) if known.any() else {}
    rewarded = hota(lambda one: one.rewarded)
    return {
        **hota(lambda one: one.hota),
        **{f"{name}*_pooled": rewarded[name] for name in ("HOTA", "DetA", "AssA") if name in rewarded},
        **{name: margin(values[known]) for name, values in clear.items()},
    }
