"""Hints about predictions that are valid and probably not what was meant: inverted masks, tracks one frame off.

Predictions are scored as they are. A hint says what a simple change would score on a few samples.
"""

from collections.abc import Iterator, Set
from itertools import islice

import numpy as np

from mevis_bench.metrics.multi_object import true_tracks
from mevis_bench.metrics.region import intersections, region_j
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.metrics.tracking import combined, count_sequence, hota_scores
from mevis_bench.records import GroundTruth, TrackPrediction
from mevis_bench.runs.scoring_plan import ScoringPlan
from mevis_bench.store.prediction_source import LoadedMasks, LoadedPrediction

NUM_SAMPLES = 20
"""Samples that are looked at: the first ones with a target and a prediction."""

MIN_GAIN = 0.2
"""A change has to score this much more, a fraction."""


def find_hints(plan: ScoringPlan, missing: Set[str]) -> list[str]:
    """Return hints about predictions that were scored; empty where nothing is conspicuous.

    Args:
        plan: Plan of the scoring.
        missing: Samples whose prediction is missing or invalid.
    """
    samples = list(islice(_samples(plan, missing), NUM_SAMPLES))
    masks = [(truth, prediction) for truth, prediction in samples if isinstance(prediction, LoadedMasks)]
    tracks = [(truth, prediction) for truth, prediction in samples if isinstance(prediction, TrackPrediction)]
    return [*_inverted(masks), *_shifted(tracks, plan)]


def _samples(plan: ScoringPlan, missing: Set[str]) -> Iterator[tuple[GroundTruth, LoadedPrediction]]:
    for job in plan.jobs():
        for truth in job.ground_truths:
            if truth.expression.annotation_ids and truth.sample not in missing:
                yield truth, job.source.read(truth.expression.id, job.frames)


def _inverted(samples: list[tuple[GroundTruth, LoadedMasks]]) -> Iterator[str]:
    """Yield a hint where the complement of the masks would have a higher J."""
    scores, complements, shares = [], [], []
    for truth, prediction in samples:
        target, pixels = TargetCache().target(truth), truth.height * truth.width
        shared, areas = intersections(prediction.rows, target.rows), prediction.rows.areas()
        scores.append(region_j(shared, areas + target.areas - shared).mean())
        # The complement shares the rest of the target, and the union is all that is not predicted outside of it.
        complements.append(region_j(target.areas - shared, pixels - (areas - shared)).mean())
        shares.append(areas.mean() / pixels)
    if samples and np.mean(complements) > np.mean(scores) + MIN_GAIN:
        yield (
            f"the masks may be inverted: {100 * np.mean(shares):.0f} % of the pixels are foreground; on {len(samples)} "
            f"samples J is {100 * np.mean(scores):.1f}, that of the complement {100 * np.mean(complements):.1f}"
        )


def _shifted(samples: list[tuple[GroundTruth, TrackPrediction]], plan: ScoringPlan) -> Iterator[str]:
    """Yield a hint where the tracks would have a higher HOTA one frame earlier or later."""
    if not samples:
        return
    hota = {offset: _hota(samples, offset, plan) for offset in (-1, 0, 1)}
    best = max(hota, key=lambda offset: hota[offset])
    if hota[best] > hota[0] + MIN_GAIN:
        when = "earlier" if best < 0 else "later"
        yield (
            f"the tracks may be shifted: one frame {when}, HOTA of {len(samples)} samples would be "
            f"{100 * hota[best]:.1f} instead of {100 * hota[0]:.1f}"
        )


def _hota(samples: list[tuple[GroundTruth, TrackPrediction]], offset: int, plan: ScoringPlan) -> float:
    counts = []
    for truth, prediction in samples:
        frames = prediction.frames + offset
        inside = (frames >= 0) & (frames < truth.length)
        moved = TrackPrediction(frames[inside], prediction.ids[inside], prediction.boxes[inside])
        true = true_tracks(truth, TargetCache(), plan.options)
        counts.append(count_sequence(true, moved, plan.options.rules.hota_thresholds))
    return hota_scores(combined(counts)).hota or 0.0
