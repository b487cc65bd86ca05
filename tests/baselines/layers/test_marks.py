"""Marks on frames, compared with pixels that are computed by hand."""

from typing import get_args

import numpy as np
import pytest

from baselines.layers.inputs.marks import (
    PALETTE,
    Mark,
    MarkStyle,
    contour,
    crop_window,
    mark_frames,
    numbers,
    overlay,
)

GRAY = np.full((40, 60, 3), 100, np.uint8)


def box(top: int, bottom: int, left: int, right: int) -> np.ndarray:
    mask = np.zeros(GRAY.shape[:2], bool)
    mask[top:bottom, left:right] = True
    return mask


def test_an_overlay_blends_the_mask_alone() -> None:
    mask = box(3, 5, 7, 9)
    painted = overlay(GRAY, mask, (255, 0, 1), 0.5)
    assert {tuple(pixel) for pixel in painted[mask].tolist()} == {(178, 50, 50)}  # halves are rounded to even
    assert (painted[~mask] == 100).all()
    assert (GRAY == 100).all()


def test_a_contour_is_the_rim_of_the_mask_at_the_frames_border_too() -> None:
    mask = box(0, 10, 0, 10)
    drawn = (contour(GRAY, mask, (0, 255, 0), 2) == (0, 255, 0)).all(-1)
    expected = mask & ~box(2, 8, 2, 8)
    np.testing.assert_array_equal(drawn, expected)


@pytest.mark.parametrize(
    ("margin", "expected"), [(0.0, (10, 5, 30, 15)), (0.25, (5, 0, 35, 20)), (9.0, (0, 0, 60, 40))]
)
def test_the_window_is_around_all_frames_and_ends_at_the_border(
    margin: float, expected: tuple[int, int, int, int]
) -> None:
    masks = np.stack([box(5, 8, 10, 12), box(10, 15, 20, 30)])
    assert crop_window(masks, margin) == expected


def test_without_a_visible_object_the_window_is_the_frame() -> None:
    assert crop_window(np.zeros((2, 40, 60), bool), 0.25) == (0, 0, 60, 40)


def test_numbers_stand_inside_their_objects() -> None:
    objects = np.stack([box(2, 20, 2, 20), np.zeros_like(box(0, 0, 0, 0)), box(20, 38, 35, 58)])
    drawn = numbers(GRAY, objects, 1)
    for index in (0, 2):
        inside = drawn[objects[index]]
        assert (inside == PALETTE[index]).all(-1).any()
        assert (inside > 200).all(-1).any(), "white digits"
    np.testing.assert_array_equal(drawn[~objects.any(0)], GRAY[~objects.any(0)])
    assert not np.array_equal(drawn, numbers(GRAY, objects, 1, names=[4, 5, 7]))


@pytest.mark.parametrize("mark", get_args(Mark))
def test_every_mark_keeps_frames_without_objects(mark: Mark) -> None:
    frames = np.stack([GRAY, GRAY])
    for objects in (np.zeros((0, 2, 40, 60), bool), np.zeros((1, 2, 40, 60), bool)):
        np.testing.assert_array_equal(mark_frames(frames, objects, MarkStyle(mark)), frames)


@pytest.mark.parametrize("mark", get_args(Mark))
def test_every_mark_shows_an_object_and_leaves_its_input(mark: Mark) -> None:
    frames = np.stack([GRAY, GRAY])
    objects = np.stack([box(3, 20, 3, 20), np.zeros_like(box(0, 0, 0, 0))])[None]
    marked = mark_frames(frames, objects, MarkStyle(mark))
    assert marked.dtype == np.uint8
    assert len(marked) == 2
    if mark == "crop":
        assert marked.shape == (2, 24, 24, 3)
    else:
        assert (marked[0] != frames[0]).any()
        np.testing.assert_array_equal(marked[1], frames[1])
    assert (frames == 100).all()
