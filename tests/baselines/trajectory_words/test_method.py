"""The heuristic RMEG baseline describes trajectories."""

from collections.abc import Callable

import numpy as np
import pytest
from pycocotools import mask as coco

from baselines.trajectory_words.method import load
from mevis_bench.records import MethodConfig, Rle, TargetMasks, Video

HEIGHT, WIDTH, FRAMES = 144, 256, 16


def square(x: float, y: float, side: float = 20) -> Rle:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    rows = slice(max(round(y - side / 2), 0), max(round(y + side / 2), 0))
    mask[rows, max(round(x - side / 2), 0) : max(round(x + side / 2), 0)] = 1
    return Rle(HEIGHT, WIDTH, coco.encode(mask)["counts"])


def path(place: Callable[[int], tuple]) -> tuple[Rle, ...]:
    return tuple(square(*place(t)) for t in range(FRAMES))


def caption(*objects: tuple[Rle | None, ...]) -> str:
    video = Video("v", ("",) * FRAMES, (), HEIGHT, WIDTH)
    method = load(MethodConfig("rmeg", "default", {}, {}, "cpu", 0))
    (caption,) = method.predict(video, [TargetMasks("0", objects)])
    return caption.text


LEFT = path(lambda t: (200 - 8 * t, 70))
UP = path(lambda t: (60, 130 - 6 * t))


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (lambda t: (200 - 8 * t, 70), "the object moving to the left"),
        (lambda t: (50 + 6 * t, 30 + 6 * t), "the object moving down to the right"),
        (lambda t: (100 + t % 2, 70), "the object staying still"),
        (lambda t: (100 + 15 * np.cos(t), 70 + 15 * np.sin(t)), "the object moving in circles"),
        (lambda t: (100, 70 - 15 * abs(np.sin(np.pi * t / 3))), "the object jumping up and down"),
        (lambda t: (100, 70, 15 * 1.05**t), "the object coming closer"),
        (lambda t: (100, 70, 30 * 0.95**t), "the object moving away from the camera"),
        (
            lambda t: (50 + 10 * min(t, 8), 100 - 10 * max(t - 8, 0)),
            "the object moving to the right and then moving up",
        ),
        (lambda t: (150 - 8 * abs(t - 8), 70), "the object moving to the right and then moving to the left"),
        (lambda t: (60 + 12 * max(t - 8, 0), 70), "the object staying still and then moving to the right"),
    ],
)
def test_one_object(place: Callable[[int], tuple], text: str) -> None:
    assert caption(path(place)) == text


def test_objects_that_do_the_same_are_counted() -> None:
    assert caption(LEFT, path(lambda t: (220 - 8 * t, 100))) == "the two objects moving to the left"


def test_objects_that_differ_are_described_separately() -> None:
    assert caption(LEFT, UP) == "the object moving to the left and the one moving up"


def test_entering_and_leaving_is_described() -> None:
    assert caption((*LEFT[:9], *(None,) * 7)) == "the object moving to the left and leaving the frame"
    assert caption((*(None,) * 7, *LEFT[7:])) == "the object moving to the left that comes into view"


def test_no_visible_object_gives_an_empty_caption() -> None:
    assert caption((None,) * FRAMES) == ""
    assert caption() == ""


def test_one_frame_is_enough_to_say_something() -> None:
    assert caption((LEFT[0], *(None,) * 15)) == "the object staying still and leaving the frame"
