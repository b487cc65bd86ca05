"""Counts are those of TrackEval, values within 1e-12; contradictory tracks are refused."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from mevis_bench.metrics.assignment_loops import match_blocks
from mevis_bench.metrics.protocols import MEVIS_V2
from mevis_bench.metrics.track_pairs import TrackPairs
from mevis_bench.metrics.tracking import (
    SequenceCounts,
    check_tracks,
    combined,
    count_sequence,
    hota_scores,
    perfect_track,
)
from mevis_bench.metrics.tracking_loops import sum_in_pairs
from mevis_bench.records import DataError, TrackPrediction
from tests.fixtures.random_predictions import draw_tracks, make_tracks
from tests.references import trackeval_hota

THRESHOLDS = MEVIS_V2.hota_thresholds


@pytest.fixture(scope="module")
def sequences() -> list[tuple[TrackPrediction, TrackPrediction, int]]:
    rng = np.random.default_rng(11)
    lengths = rng.integers(1, 12, 150).tolist()
    drawn = [(*draw_tracks(rng, length, crowded=bool(rng.integers(0, 2))), length) for length in lengths]
    return [
        *drawn,
        (make_tracks([]), make_tracks([]), 4),
        (drawn[0][0], make_tracks([]), 12),
        (make_tracks([]), drawn[1][1], 12),
    ]


def assert_equal(counts: SequenceCounts, fields: dict) -> None:
    assert counts.tp.tolist() == fields["HOTA_TP"].tolist()
    assert counts.fn.tolist() == fields["HOTA_FN"].tolist()
    assert counts.fp.tolist() == fields["HOTA_FP"].tolist()
    scores = hota_scores(counts)
    for ours, theirs in (("hota", "HOTA"), ("deta", "DetA"), ("assa", "AssA"), ("loca", "LocA")):
        assert getattr(scores, ours) == pytest.approx(float(np.mean(fields[theirs])), abs=1e-12, rel=0), theirs


def test_counts_and_values_are_those_of_trackeval(sequences) -> None:
    each, together = trackeval_hota.evaluate(sequences)
    counts = [count_sequence(ground_truth, prediction, THRESHOLDS) for ground_truth, prediction, _ in sequences]
    for ours, theirs in zip(counts, each, strict=True):
        assert_equal(ours, theirs)
    assert_equal(combined(counts), together)


def test_crowds_with_rivals_of_the_same_score_are_matched_as_trackeval_matches_them() -> None:
    """Doubles of one box, and chains of boxes in which each prefers what its neighbor needs."""
    rng = np.random.default_rng(3)
    hard = 0
    for objects, length in ((12, 6), (40, 4), (150, 2)):
        ground_truth, prediction = [], []
        for name in range(objects):
            x = 4.0 * name if name % 2 else float(rng.integers(0, 3 * objects))
            for t in range(length):
                ground_truth.append((t, name, [x, 0, x + 10, 10]))
                for k in range(rng.integers(0, 3)):
                    shift = float(rng.choice([0, 0, 2, -2, 5]))
                    prediction.append((t, 2 * name + k, [x + shift, 0, x + shift + 10, 10]))
        pair = make_tracks(ground_truth), make_tracks(prediction)
        (fields,), _ = trackeval_hota.evaluate([(*pair, length)])
        assert_equal(count_sequence(*pair, THRESHOLDS), fields)
        pairs = TrackPairs.of(*pair)
        score = np.ones(pairs.similarity.size)
        of_pair = pairs.true_of_pair, pairs.predicted_of_pair
        hard += match_blocks(pairs.blocks, *of_pair, score, len(pair[0].frames), len(pair[1].frames))[1].size
    assert hard  # the search leaves equals to scipy


def test_identities_may_be_any_numbers() -> None:
    rng = np.random.default_rng(8)
    ground_truth, prediction = draw_tracks(rng, 9, crowded=True)
    far = TrackPrediction(prediction.frames, prediction.ids * (2**61 // 400) - 2**60, prediction.boxes)
    near, apart = (count_sequence(ground_truth, side, THRESHOLDS) for side in (prediction, far))
    for name in SequenceCounts.__slots__:
        assert getattr(near, name).tolist() == getattr(apart, name).tolist()


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 64, 128, 129, 200, 1000])
def test_sums_are_those_of_numpy_to_the_last_bit(n: int) -> None:
    values = np.random.default_rng(n).random((3, n))
    assert [sum_in_pairs(row) for row in values] == values.sum(1).tolist()


def test_boxes_without_area_overlap_nothing_and_count() -> None:
    flat = make_tracks([(0, 1, [0, 0, 10, 0]), (1, 1, [0, 0, 10, 5])])
    (fields,), _ = trackeval_hota.evaluate([(flat, flat, 2)])
    counts = count_sequence(flat, flat, THRESHOLDS)
    assert_equal(counts, fields)
    assert (counts.tp[0], counts.fn[0], counts.fp[0]) == (1, 1, 1)


def test_nothing_and_a_faultless_track() -> None:
    nothing = hota_scores(count_sequence(make_tracks([]), make_tracks([]), THRESHOLDS))
    assert (nothing.hota, nothing.deta, nothing.assa, nothing.loca) == (0.0, 0.0, 0.0, 1.0)
    one = make_tracks([(t, 3, [t, 0, t + 4, 5]) for t in range(6)])
    counts, perfect = count_sequence(one, one, THRESHOLDS), perfect_track(6, len(THRESHOLDS))
    for name in SequenceCounts.__slots__:
        assert np.array_equal(getattr(counts, name), getattr(perfect, name))


def read_mot(path: Path, least: float) -> TrackPrediction:
    table = np.loadtxt(path, delimiter=",")
    table = table[table[:, 6] >= least]
    corners = np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1)
    return TrackPrediction(table[:, 0].astype(np.int64) - 1, table[:, 1].astype(np.int64), corners)


def test_published_example_tud_campus() -> None:
    found = importlib.util.find_spec("motmetrics")
    if found is None or not found.submodule_search_locations:
        pytest.skip("the motmetrics wheel, whose TUD-Campus files this test reads, is not installed")
    folder = Path(found.submodule_search_locations[0]) / "data" / "TUD-Campus"
    ground_truth, prediction = read_mot(folder / "gt.txt", 1), read_mot(folder / "test.txt", -np.inf)
    scores = hota_scores(count_sequence(ground_truth, prediction, THRESHOLDS))
    assert scores.hota == pytest.approx(0.3913974378451139, abs=1e-12)
    assert scores.deta == pytest.approx(0.418047030142763, abs=1e-12)
    assert scores.assa == pytest.approx(0.36912068120832836, abs=1e-12)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([(3, 1, [0, 0, 1, 1])], "a box is in frame 3 of a video of 3"),
        ([(-1, 1, [0, 0, 1, 1])], "a box is in frame -1 of a video of 3"),
        ([(0, 1, [0, 0, 1, 1]), (1, 2, [0, 0, 1, 1]), (0, 1, [5, 5, 6, 6])], "identity 1 has two boxes in frame 0"),
        ([(0, 1, [0, 0, float("nan"), 1])], "a corner that is not a finite number"),
        ([(0, 1, [5, 0, 4, 1])], "a box ends before it begins"),
    ],
)
def test_contradictory_tracks_are_refused(entries: list, message: str) -> None:
    with pytest.raises(DataError, match=f"cat/0: .*{message}"):
        check_tracks(make_tracks(entries), 3, "cat/0")
