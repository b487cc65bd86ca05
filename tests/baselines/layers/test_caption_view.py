"""Sampled frames, squares equal to those of transformers' processors, and the visible fraction of a target."""

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from baselines.layers.inference.caption_view import CLIP_MEAN, CLIP_STD, CaptionView, Square, sample_frames
from mevis_bench.records import HighlightedVideo, Rle, TargetMasks, Video


@pytest.mark.parametrize(
    ("length", "count", "expected"),
    [
        (17, 8, [1, 3, 5, 7, 9, 11, 13, 15]),
        (9, 4, [1, 3, 5, 7]),
        (1, 3, [0, 0, 0]),
        (3, 6, [0, 1, 1, 1, 2, 2]),
        (5, 4, [1, 2, 3, 4]),  # midpoints 0.5, 1.5, ... go up
    ],
)
def test_frames_are_the_middles_of_equal_segments(length: int, count: int, expected: list[int]) -> None:
    assert sample_frames(length, count) == expected


PIXELS = np.random.default_rng(0).integers(0, 256, (90, 161, 3), dtype=np.uint8)


@pytest.mark.parametrize("pixels", [PIXELS, PIXELS.transpose(1, 0, 2), PIXELS[:, :90]], ids=["wide", "tall", "square"])
def test_crop_agrees_with_clips_processor(pixels: np.ndarray) -> None:
    from transformers import CLIPImageProcessorPil

    processor = CLIPImageProcessorPil(size={"shortest_edge": 48}, crop_size={"height": 48, "width": 48})
    expected = processor(pixels, return_tensors="np")["pixel_values"]
    square = Square(48, "crop")
    assert np.allclose(square.normalize(square.resize(pixels)[None]).numpy(), expected, atol=1e-5)


def test_squash_agrees_with_siglips_processor() -> None:
    from transformers import SiglipImageProcessorPil

    half = (0.5, 0.5, 0.5)
    processor = SiglipImageProcessorPil(
        size={"height": 48, "width": 48}, resample=Image.Resampling.BICUBIC, image_mean=half, image_std=half
    )
    expected = processor(PIXELS, return_tensors="np")["pixel_values"]
    square = Square(48, "squash", half, half)
    assert np.allclose(square.normalize(square.resize(PIXELS)[None]).numpy(), expected, atol=1e-5)


def test_pad_keeps_the_shape_and_fills_with_the_mean_color() -> None:
    white = np.full((40, 80, 3), 255, np.uint8)
    padded = Square(80, "pad").resize(white)
    assert (padded[20:60] == 255).all()
    assert np.abs(padded[:18] - np.array(CLIP_MEAN) * 255).max() <= 1
    assert len(CLIP_STD) == 3


@pytest.mark.parametrize(
    ("fit", "columns", "kept"),
    [
        ("crop", slice(30, 50), 1.0),
        ("crop", slice(0, 20), 0.0),
        ("crop", slice(10, 30), 0.5),
        ("pad", slice(0, 20), 1.0),
        ("squash", slice(0, 20), 1.0),
    ],
)
def test_the_share_of_target_pixels_inside_is_reported(tmp_path, fit: str, columns: slice, kept: float) -> None:
    path = tmp_path / "0.png"
    Image.fromarray(np.zeros((40, 80, 3), np.uint8)).save(path)
    mask = np.zeros((40, 80), np.uint8, order="F")
    mask[10:20, columns] = 1
    target = TargetMasks("0", ((Rle(40, 80, coco.encode(mask)["counts"]),),))
    video = Video("v", ("0",), (path,), 40, 80)
    view = CaptionView(2, Square(20, fit))
    shown = HighlightedVideo.of(video, target, (255, 0, 0), 0.5)
    assert view.load(shown)[1] == kept
    assert view.load(video)[1] is None


def test_a_close_up_shows_the_largest_target_and_the_whole_frame_without_one(tmp_path) -> None:
    path = tmp_path / "0.png"
    Image.fromarray(np.zeros((40, 80, 3), np.uint8)).save(path)
    large, small = (np.zeros((40, 80), np.uint8, order="F") for _ in range(2))
    large[10:18, 20:28], small[30:34, 60:64] = 1, 1
    objects = tuple((Rle(40, 80, coco.encode(mask)["counts"]), None) for mask in (small, large))
    video = Video("v", ("0", "1"), (path, path), 40, 80)
    shown = HighlightedVideo.of(video, TargetMasks("0", objects), (255, 0, 0), 1.0)
    view = CaptionView(2, Square(20, "squash"), close_ups=(1,))
    pixels, mask = view.look(shown, 1, 0)
    assert pixels.shape == (12, 12, 3)  # a quarter of the longer side on every side
    assert np.array_equal(pixels[..., 0] > 0, mask)
    assert mask[2:10, 2:10].all()
    assert mask.sum() == 64
    assert view.look(shown, 0, 0)[0].shape == view.look(shown, 1, 1)[0].shape == (40, 80, 3)
