"""Counts are those of TrackEval, values within 1e-12; contradictory tracks are refused."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from mevis_bench.metrics.protocols import MEVIS_V2
from mevis_bench.metrics.tracking import (
    SequenceCounts,
    check_tracks,
    combined,
    count_sequence,
    hota_scores,
    perfect_track,
)
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


def test_torch_gives_the_same_counts(sequences) -> None:
    for ground_truth, prediction, _ in sequences[:40]:
        plain, torch = (count_sequence(ground_truth, prediction, THRESHOLDS, device) for device in ("cpu", "cpu:0"))
        for name in SequenceCounts.__slots__:
            assert np.array_equal(getattr(plain, name), getattr(torch, name))


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
