"""CLEAR and Identity: counts are those of TrackEval, values within 1e-12."""

import numpy as np
import pytest

from mevis_bench.metrics.clear import ClearCounts, clear_scores, combined_clear, count_clear
from mevis_bench.metrics.track_pairs import TrackPairs
from mevis_bench.records import TrackPrediction
from tests.fixtures.random_predictions import draw_tracks, make_tracks
from tests.references import trackeval_hota


def count(ground_truth: TrackPrediction, prediction: TrackPrediction) -> ClearCounts:
    return count_clear(TrackPairs.of(ground_truth, prediction))


def assert_equal(counts: ClearCounts, fields: dict) -> None:
    assert counts.tp == fields["CLR_TP"]
    assert counts.true - counts.tp == fields["CLR_FN"]
    assert counts.predicted - counts.tp == fields["CLR_FP"]
    assert counts.switches == fields["IDSW"]
    assert counts.idtp == fields["IDTP"]
    assert counts.true - counts.idtp == fields["IDFN"]
    assert counts.predicted - counts.idtp == fields["IDFP"]
    scores = clear_scores(counts)
    for ours, theirs in (("mota", "MOTA"), ("motp", "MOTP"), ("idf1", "IDF1")):
        assert getattr(scores, ours) == pytest.approx(float(fields[theirs]), abs=1e-12, rel=0), theirs


def test_counts_and_values_are_those_of_trackeval() -> None:
    rng = np.random.default_rng(17)
    lengths = rng.integers(1, 15, 150).tolist()
    sequences = [(*draw_tracks(rng, length, crowded=bool(rng.integers(0, 2))), length) for length in lengths]
    nothing = make_tracks([])
    sequences += [(nothing, nothing, 4), (sequences[0][0], nothing, 20), (nothing, sequences[1][1], 20)]
    each, together = trackeval_hota.evaluate_clear(sequences)
    counts = [count(ground_truth, prediction) for ground_truth, prediction, _ in sequences]
    for ours, theirs in zip(counts, each, strict=True):
        assert_equal(ours, theirs)
    assert_equal(combined_clear(counts), together)
    assert sum(one.switches for one in counts) > 20


def test_the_identity_of_the_frame_before_is_kept_over_a_gap_without_predictions() -> None:
    """Frames without a box on one side are skipped: the frame before is then the last one with both."""
    true = make_tracks([(t, 0, [0, 0, 10, 10]) for t in range(4)])
    prediction = make_tracks(
        [(0, 5, [0, 0, 10, 10]), (2, 5, [0, 0, 10, 8]), (2, 6, [0, 0, 10, 10]), (3, 6, [0, 0, 10, 10])]
    )
    counts = count(true, prediction)
    (fields,), _ = trackeval_hota.evaluate_clear([(true, prediction, 4)])
    assert_equal(counts, fields)
    assert (counts.tp, counts.switches) == (3, 1)
    assert counts.similarity == pytest.approx(1 + 0.8 + 1)


def test_keeping_an_identity_outranks_more_matches() -> None:
    """In frame 1, two matches would be possible if 0 gave up 5 (motrics 0.3.0 does that); TrackEval keeps it."""
    true = make_tracks([(0, 0, [0, 0, 10, 10]), (1, 0, [0, 0, 10, 10]), (1, 1, [3, 0, 13, 10])])
    prediction = make_tracks([(0, 5, [0, 0, 10, 10]), (1, 5, [3, 0, 13, 10]), (1, 6, [-3, 0, 7, 10])])
    counts = count(true, prediction)
    (fields,), _ = trackeval_hota.evaluate_clear([(true, prediction, 2)])
    assert_equal(counts, fields)
    assert (counts.tp, counts.switches) == (2, 0)


def test_rivals_of_the_same_score_are_matched_as_trackeval_matches_them() -> None:
    """The doubles of a box are equals, so which one is matched decides about later switches."""
    rng = np.random.default_rng(23)
    true, prediction = [], []
    for name in range(20):
        for t in range(8):
            true.append((t, name, [20.0 * name, 0, 20.0 * name + 10, 10]))
            for double in rng.permutation(3)[: rng.integers(1, 4)].tolist():
                prediction.append((t, 3 * name + double, [20.0 * name, 0, 20.0 * name + 10, 9]))
    pair = make_tracks(true), make_tracks(prediction)
    (fields,), _ = trackeval_hota.evaluate_clear([(*pair, 8)])
    assert_equal(count(*pair), fields)
