"""Moving objects are found under a moving camera; static ones are not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from baselines.moving_region.method import camera_shift, load
from baselines.moving_region.options import Options
from mevis_bench.methods.method_spec import read_method_spec
from mevis_bench.records import MethodConfig, TextPrompt, Video
from tests.paths import ROOT

H, W, T = 96, 160, 12


def _world(rng: np.random.Generator) -> np.ndarray:
    coarse = rng.integers(60, 200, (16, 40, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((W * 3, H * 2), Image.Resampling.BICUBIC))


def _video(folder: Path, *, moving: bool, pan: int) -> tuple[Video, np.ndarray]:
    """A textured world seen by a camera that pans, and in it a square that moves or a world alone."""
    world = _world(np.random.default_rng(0))
    ground_truth = np.zeros((T, H, W), bool)
    paths = []
    for t in range(T):
        frame = world[20 : 20 + H, 50 + pan * t : 50 + pan * t + W].copy()
        if moving:
            top, left = 30, 10 + 9 * t
            frame[top : top + 24, left : left + 24] = (250, 20, 20)
            ground_truth[t, top : top + 24, left : left + 24] = True
        paths.append(folder / f"{t}.png")
        Image.fromarray(frame).save(paths[-1])
    return Video("v", tuple(map(str, range(T))), tuple(paths), H, W), ground_truth


def _predict(video: Video, prompts: int, task: str = "rvos"):
    spec = read_method_spec(ROOT / "baselines" / "moving_region" / "method.yaml")
    options = spec.variants["default"].options
    method = load(MethodConfig(task, "default", Options(**options), {}, "cpu", 0))
    return list(method.predict(video, [TextPrompt(str(k), f"sentence {k}") for k in range(prompts)]))


@pytest.mark.parametrize("pan", [0, 3])
def test_the_moving_square_is_found_and_is_one_object(tmp_path: Path, pan: int) -> None:
    video, ground_truth = _video(tmp_path, moving=True, pan=pan)
    first, second = _predict(video, 2)
    overlap = (first.masks & ground_truth).sum() / (first.masks | ground_truth).sum()
    assert overlap > 0.7
    np.testing.assert_array_equal(second.masks, first.masks)
    largest = max(first.objects, key=np.count_nonzero)
    assert (largest & ground_truth).sum() > 0.9 * ground_truth.sum()
    np.testing.assert_array_equal(np.any(first.objects, axis=0), first.masks)


@pytest.mark.parametrize("pan", [0, 3])
def test_where_only_the_camera_moves_nothing_is_found(tmp_path: Path, pan: int) -> None:
    video, _ = _video(tmp_path, moving=False, pan=pan)
    (answer,) = _predict(video, 1)
    assert answer.masks.mean() < 0.01


@pytest.mark.parametrize("shift", [(0, 0), (3, -7), (-11, 14)])
def test_the_camera_shift_is_found(shift: tuple[int, int]) -> None:
    world = _world(np.random.default_rng(1)).mean(axis=2).astype(np.float32) / 255
    before = world[40 : 40 + H, 60 : 60 + W]
    after = world[40 - shift[0] : 40 - shift[0] + H, 60 - shift[1] : 60 - shift[1] + W]
    assert camera_shift(before, after) == pytest.approx(shift, abs=0.1)


@pytest.mark.parametrize("size", [(1, 1), (6, 8), (9, 3)])
@pytest.mark.filterwarnings("error")
def test_frames_smaller_than_the_shifts_that_are_searched_are_taken(tmp_path: Path, size: tuple[int, int]) -> None:
    height, width = size
    paths = [tmp_path / f"{t}.png" for t in range(3)]
    for t, path in enumerate(paths):
        Image.new("RGB", (width, height), (80 * t, 100, 50)).save(path)
    (answer,) = _predict(Video("v", ("0", "1", "2"), tuple(paths), height, width), 1)
    assert answer.masks.shape == (3, height, width)
    assert camera_shift(np.zeros(size, np.float32), np.zeros(size, np.float32)) == pytest.approx((0, 0))


def test_one_frame_does_not_move(tmp_path: Path) -> None:
    video, _ = _video(tmp_path, moving=True, pan=0)
    single = Video("v", video.frame_names[:1], video.frame_paths[:1], H, W)
    (answer,) = _predict(single, 1)
    assert answer.masks.shape == (1, H, W)
    assert not answer.masks.any()


def test_for_tracking_it_returns_the_boxes_of_its_objects(tmp_path: Path) -> None:
    video, _ = _video(tmp_path, moving=True, pan=3)
    (found,) = _predict(video, 1, "rmot")
    (masks,) = _predict(video, 1)
    assert len(set(found.ids.tolist())) == len(masks.objects) > 0
    for frame, identity, (x0, y0, x1, y1) in zip(found.frames, found.ids, found.boxes.astype(int), strict=True):
        mask = masks.objects[identity][frame]
        assert mask[y0:y1, x0:x1].sum() == mask.sum()
        assert mask[[y0, y1 - 1]].any(axis=1).all()
        assert mask[:, [x0, x1 - 1]].any(axis=0).all()
    square = [tuple(box) for frame, box in zip(found.frames, found.boxes, strict=True) if frame == T // 2]
    left = 10 + 9 * (T // 2)
    assert any(np.abs(np.subtract(box, (left, 30, left + 24, 54))).max() <= 3 for box in square)


def test_nothing_moving_is_no_track(tmp_path: Path) -> None:
    video, _ = _video(tmp_path, moving=False, pan=0)
    (found,) = _predict(video, 1, "rmot")
    assert (found.frames.shape, found.ids.shape, found.boxes.shape) == ((0,), (0,), (0, 4))
