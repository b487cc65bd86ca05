"""Perturbed frames, and predictions mapped back to the video's own."""

import numpy as np
import pytest

from mevis_bench.execution.perturbation import (
    check_perturbation,
    frame_order,
    inverse_frame_map,
    other_expressions,
    perturbed_prompt,
    perturbed_video,
    unpermute,
)
from mevis_bench.records import (
    MaskPrediction,
    PointPrediction,
    Rle,
    TargetMasks,
    TextPrompt,
    TrackPrediction,
    UsageError,
    Video,
)


@pytest.mark.parametrize(
    ("perturb", "length", "expected"),
    [
        ("none", 3, [0, 1, 2]),
        ("reverse", 3, [2, 1, 0]),
        ("static", 4, [2, 2, 2, 2]),
        ("every-2", 5, [0, 2, 4]),
        ("every-9", 5, [0]),
    ],
)
def test_orders(perturb: str, length: int, expected: list[int]) -> None:
    assert frame_order(perturb, "v", length, 0).tolist() == expected


def test_shuffling_depends_on_seed_and_video_alone() -> None:
    first = frame_order("shuffle", "v", 50, 0)
    assert sorted(first.tolist()) == list(range(50))
    assert first.tolist() == frame_order("shuffle", "v", 50, 0).tolist()
    assert first.tolist() != frame_order("shuffle", "w", 50, 0).tolist()
    assert first.tolist() != frame_order("shuffle", "v", 50, 1).tolist()


@pytest.mark.parametrize("perturb", ["", "every-0", "every-x", "every-", "Shuffle"])
def test_unknown_ones_are_refused(perturb: str) -> None:
    with pytest.raises(UsageError, match=f"unknown perturbation '{perturb}'"):
        check_perturbation(perturb, TextPrompt)


def test_target_masks_have_no_words() -> None:
    with pytest.raises(UsageError, match="--perturb words: the prompts of this task have no words\nUse it with rvos"):
        check_perturbation("words", TargetMasks)
    check_perturbation("words", TextPrompt)


@pytest.mark.parametrize("count", [2, 3, 10])
def test_every_expression_gets_another_one_and_each_is_used_once(count: int) -> None:
    ids = [str(index) for index in range(count)]
    others = other_expressions(ids, "v", 0)
    assert sorted(others) == sorted(others.values()) == sorted(ids)
    assert all(key != other for key, other in others.items())
    assert others == other_expressions(ids, "v", 0)


def test_an_only_expression_keeps_its_words() -> None:
    assert other_expressions(["7"], "v", 0) == {"7": "7"}


def _video(length: int) -> Video:
    from pathlib import Path

    names = tuple(f"{t}" for t in range(length))
    return Video("v", names, tuple(Path(name) for name in names), 1, 1)


def _prediction(perturbed: Video) -> MaskPrediction:
    """Prediction of a frame-by-frame method: bit k of the frame's own number in column k of 8."""
    values = [int(name) for name in perturbed.frame_names]
    masks = np.array([[[value >> k & 1 for k in range(8)]] for value in values], bool)
    return MaskPrediction(masks, (masks, ~masks), 0.5)


@pytest.mark.parametrize("perturb", ["none", "reverse", "shuffle"])
def test_masks_of_a_frame_by_frame_method_do_not_change(perturb: str) -> None:
    order = frame_order(perturb, "v", 9, 3)
    back = unpermute(_prediction(perturbed_video(_video(9), order)), inverse_frame_map(order, 9))
    np.testing.assert_array_equal(back.masks, _prediction(_video(9)).masks)
    np.testing.assert_array_equal(back.objects[1], ~_prediction(_video(9)).masks)
    assert back.target_score == 0.5


def test_frames_that_were_left_out_take_the_prediction_before_them() -> None:
    order = frame_order("every-2", "v", 5, 0)
    back = unpermute(_prediction(perturbed_video(_video(5), order)), inverse_frame_map(order, 5))
    np.testing.assert_array_equal(back.masks, _prediction(_video(5)).masks[[0, 0, 2, 2, 4]])


def test_static_keeps_the_order_of_the_predictions() -> None:
    order = frame_order("static", "v", 4, 0)
    masks = np.arange(4).reshape(4, 1, 1) > 1
    np.testing.assert_array_equal(unpermute(MaskPrediction(masks), inverse_frame_map(order, 4)).masks, masks)


def test_tracks_follow_their_frames() -> None:
    perturbed = TrackPrediction(np.array([0, 0, 2]), np.array([1, 2, 1]), np.arange(12.0).reshape(3, 4))
    back = unpermute(perturbed, inverse_frame_map(frame_order("reverse", "v", 3, 0), 3))
    assert list(zip(back.frames.tolist(), back.ids.tolist(), back.boxes[:, 0].tolist(), strict=True)) == [
        (0, 1, 8.0),
        (2, 1, 0.0),
        (2, 2, 4.0),
    ]
    every = unpermute(perturbed, inverse_frame_map(frame_order("every-2", "v", 5, 0), 5))
    assert list(zip(every.frames.tolist(), every.ids.tolist(), strict=True)) == [
        (0, 1),
        (0, 2),
        (1, 1),
        (1, 2),
        (4, 1),
    ]
    points = PointPrediction(perturbed.frames, perturbed.ids, perturbed.boxes[:, :2], "words", True)
    moved = unpermute(points, inverse_frame_map(frame_order("reverse", "v", 3, 0), 3))
    assert moved.by_frame() == {0: {"1": (8.0, 9.0)}, 2: {"1": (0.0, 1.0), "2": (4.0, 5.0)}}
    assert (moved.raw, moved.is_cut) == ("words", True)
    nothing = TrackPrediction(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 4)))
    assert len(unpermute(nothing, inverse_frame_map(frame_order("reverse", "v", 3, 0), 3)).frames) == 0


def test_target_masks_follow_their_frames() -> None:
    rles = tuple(Rle(1, 1, b"%d" % k) for k in range(3))
    prompt = TargetMasks("0", ((rles[0], None, rles[2]),))
    order = frame_order("reverse", "v", 3, 0)
    assert perturbed_prompt(prompt, order).objects == ((rles[2], None, rles[0]),)
