"""Scores of arrays are those of the slow references; arrays of a wrong form are refused with their name."""

import numpy as np
import pytest

from mevis_bench import score_captions, score_masks, score_tracks
from mevis_bench.metrics import java
from mevis_bench.metrics.java import JavaError
from mevis_bench.records import DataError, UsageError
from tests.fixtures.random_predictions import draw_mask_pair, draw_tracks
from tests.references import region_boundary as reference
from tests.references import trackeval_hota


@pytest.mark.parametrize("protocol", ["mevis_v1", "mevis_v2"])
def test_masks_score_as_the_references(protocol: str) -> None:
    rng = np.random.default_rng(2)
    slow = reference.score_v1 if protocol == "mevis_v1" else reference.score_v2
    for _ in range(100):
        ground_truth, prediction = draw_mask_pair(rng)
        scores = score_masks(prediction, ground_truth, protocol=protocol)
        assert (scores["J"], scores["F"]) == slow(ground_truth, prediction)
        name, other = ("T-acc", "N-acc") if ground_truth.any() else ("N-acc", "T-acc")
        assert scores[name] == float(prediction.any() == ground_truth.any())
        assert scores[other] is None


def test_tracks_score_as_trackeval() -> None:
    rng = np.random.default_rng(5)
    for length in (1, 5, 9):
        ground_truth, prediction = draw_tracks(rng, length, crowded=True)
        rows = [np.column_stack([tracks.frames, tracks.ids, tracks.boxes]) for tracks in (prediction, ground_truth)]
        (fields,), _ = trackeval_hota.evaluate([(ground_truth, prediction, length)])
        scores = score_tracks(rows[0], rows[1], length)
        for name in ("HOTA", "DetA", "AssA", "LocA"):
            assert scores[name] == pytest.approx(float(np.mean(fields[name])), abs=1e-12)


def test_tracks_without_a_target_are_all_or_nothing() -> None:
    nothing, box = np.empty((0, 6)), np.array([[0, 0, 1, 1, 2, 2]])
    right, wrong = score_tracks(nothing, nothing, 3), score_tracks(box, nothing, 3)
    assert (right["HOTA*"], right["N-acc"], right["T-acc"]) == (1.0, 1.0, None)
    assert (wrong["HOTA*"], wrong["N-acc"], wrong["T-acc"]) == (0.0, 0.0, None)


MASKS = np.zeros((2, 3, 4), bool)


@pytest.mark.parametrize(
    ("prediction", "ground_truth", "message"),
    [
        (MASKS.astype(np.uint8), MASKS, r"prediction: expected bool \(t, h, w\) with t >= 1, got uint8 \(2, 3, 4\)"),
        (MASKS, MASKS[0], r"ground_truth: expected bool \(t, h, w\) with t >= 1, got bool \(3, 4\)"),
        (MASKS[:0], MASKS, r"prediction: expected bool .* got bool \(0, 3, 4\)"),
        (MASKS[:1], MASKS, r"prediction: expected masks of shape \(2, 3, 4\), got \(1, 3, 4\)"),
    ],
)
def test_invalid_masks(prediction: np.ndarray, ground_truth: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        score_masks(prediction, ground_truth)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((1, 5)), r"prediction: expected \(n, 6\), got \(1, 5\)"),
        ([[3, 0, 0, 0, 1, 1]], "prediction: a box is in frame 3 of a video of 3"),
        ([[0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 1, 1]], "prediction: identity 0 has two boxes in frame 0"),
    ],
)
def test_invalid_tracks(rows: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        score_tracks(rows, np.empty((0, 6)), 3)


def test_invalid_captions_and_protocols() -> None:
    with pytest.raises(DataError, match="references: expected 1 lists, got 0"):
        score_captions(["a dog"], [])
    with pytest.raises(DataError, match=r"references\[0\]: expected at least one sentence"):
        score_captions(["a dog"], [[]])
    with pytest.raises(UsageError, match="unknown protocol 'x'"):
        score_masks(MASKS, MASKS, protocol="x")


def test_captions_without_java_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "find_java", lambda: None)
    with pytest.raises(JavaError, match="no Java was found"):
        score_captions(["a dog"], [["a dog"]])


@pytest.mark.java
def test_captions_rank_by_their_words() -> None:
    references = [["the dog runs to the left"], ["a bird flies up and away"]]
    right = score_captions(["the dog runs to the left", "a bird flies up and away"], references)
    near = score_captions(["the dog runs to the right", "a bird sits there"], references)
    assert right["METEOR"] == 1.0
    assert right["CIDEr"] == pytest.approx(10.0)
    assert near["METEOR"] is not None
    assert near["CIDEr"] is not None
    assert 0 < near["METEOR"] < 1
    assert 0 < near["CIDEr"] < 10
