"""HOTA and Identity equal those of motrics (Rust); its CLEAR follows another rule, which is why it is not used."""

import numpy as np
import pytest

from mevis_bench.metrics.clear import clear_scores, count_clear
from mevis_bench.metrics.protocols import MEVIS_V2
from mevis_bench.metrics.track_pairs import TrackPairs
from mevis_bench.metrics.tracking import count_hota, hota_scores
from mevis_bench.records import TrackPrediction
from tests.fixtures.random_predictions import draw_tracks, make_tracks

motrics = pytest.importorskip("motrics")


def by_frame(tracks: TrackPrediction, length: int) -> "motrics.Frames":
    masks = [tracks.frames == t for t in range(length)]
    return motrics.Frames([tracks.ids[m].tolist() for m in masks], [tracks.boxes[m] for m in masks])


def test_hota_and_identity_equal_those_of_motrics() -> None:
    rng = np.random.default_rng(31)
    nothing = make_tracks([])
    cases = [(*draw_tracks(rng, length, crowded=bool(length % 2)), length) for length in range(1, 40)]
    cases += [(nothing, nothing, 3), (cases[-1][0], nothing, 40), (nothing, cases[-1][1], 40)]
    for ground_truth, prediction, length in cases:
        theirs = motrics.evaluate(by_frame(ground_truth, length), by_frame(prediction, length))
        pairs = TrackPairs.of(ground_truth, prediction)
        scores, clear = hota_scores(count_hota(pairs, MEVIS_V2.hota_thresholds)), clear_scores(count_clear(pairs))
        for name in ("hota", "deta", "assa"):
            assert getattr(scores, name) == pytest.approx(getattr(theirs.hota, name), abs=1e-12, rel=0)
        assert clear.idf1 == pytest.approx(theirs.identity.idf1, abs=1e-12, rel=0)


def test_clear_of_motrics_gives_up_an_identity_for_one_more_match() -> None:
    """``test_clear`` has the same sequence with TrackEval's 2 matches and no switch."""
    true = make_tracks([(0, 0, [0, 0, 10, 10]), (1, 0, [0, 0, 10, 10]), (1, 1, [3, 0, 13, 10])])
    prediction = make_tracks([(0, 5, [0, 0, 10, 10]), (1, 5, [3, 0, 13, 10]), (1, 6, [-3, 0, 7, 10])])
    theirs = motrics.evaluate(by_frame(true, 2), by_frame(prediction, 2)).clear
    assert (theirs.num_matches, theirs.num_switches) == (3, 1)
    ours = count_clear(TrackPairs.of(true, prediction))
    assert (ours.tp, ours.switches) == (2, 0)
