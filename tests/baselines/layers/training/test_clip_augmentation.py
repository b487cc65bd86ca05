"""Augmentation of training clips against the originals' definitions, pixel by pixel."""

import colorsys
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from baselines.layers.training.clip_augmentation import (
    Compose,
    LowerCase,
    PhotometricDistort,
    RandomHorizontalFlip,
    RandomResize,
    RandomSelect,
    RandomSizeCrop,
    ResizeBy,
    change_color,
    normalized,
    padded,
    padded_size,
    resized,
    swap_sides,
)
from baselines.layers.training.clip_sampling import ClipSentence, SampledClip, mask_extents


def make_clip(height=24, width=40, frames=3, seed=0):
    """Two objects: one in all frames, one that the second frame does not show."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((2, frames, height, width), np.uint8)
    masks[0, :, 3:9, 4:17] = 1
    masks[1, ::2, 10:20, 22:36] = 1
    images = rng.integers(0, 256, (frames, height, width, 3), np.uint8)
    sentences = (ClipSentence("0", "the Left  one", (0,), None), ClipSentence("1", "both", (0, 1), None))
    return SampledClip("v", tuple(range(frames)), images, masks, mask_extents(masks), ("a", "b"), sentences)


class Always:
    """Fake generator: the first choice of everything."""

    def random(self):
        return 0.0


def test_flip_mirrors_images_masks_boxes_and_words():
    clip = make_clip()
    flipped = RandomHorizontalFlip(swap_words=True)(LowerCase()(clip, Always()), Always())
    assert np.array_equal(flipped.images, np.flip(clip.images, 2))
    assert np.array_equal(flipped.masks, np.flip(clip.masks, 3))
    assert flipped.sentences[0].text == "the right one"
    # DETR's rule for boxes: x0, x1 -> w - x1, w - x0, here of inclusive extents
    assert flipped.boxes[0, 0].tolist() == [40 - 16, 3, 40 - 4, 8]
    assert flipped.boxes[1, 1].tolist() == [40, 24, 0, 0]
    assert RandomHorizontalFlip(swap_words=False)(clip, Always()).sentences == clip.sentences


@pytest.mark.parametrize(
    ("sentence", "swapped"),
    [("left to the right", "right to the left"), ("bright leftmost", "bleft rightmost"), ("a cat", "a cat")],
)
def test_sides_are_swapped_inside_of_words_too(sentence, swapped):
    assert (
        swap_sides(sentence) == swapped == sentence.replace("left", "@").replace("right", "left").replace("@", "right")
    )


@pytest.mark.parametrize("size", [(24, 40), (17, 31), (48, 81), (5, 7)])
def test_masks_take_the_nearest_pixel_as_torch_does(size):
    clip = make_clip(seed=3)
    rng = np.random.default_rng(1)
    clip = replace(clip, masks=rng.integers(0, 2, clip.masks.shape, np.uint8))
    expected = F.interpolate(torch.from_numpy(clip.masks).float(), size=size, mode="nearest")
    assert np.array_equal(resized(clip, size).masks, expected.numpy())
    assert resized(clip, size).size == size


def test_resize_chooses_a_side_and_bounds_the_long_one():
    clip = make_clip()
    sizes = {RandomResize((12, 18), 25)(clip, np.random.default_rng(seed)).size for seed in range(20)}
    assert sizes == {(12, 20), (15, 25)}  # 18 x 30 exceeds 25: round(25 * 24 / 40) = 15
    assert RandomResize((48,))(clip, np.random.default_rng(0)).size == (48, 80)
    assert RandomResize((48,))(clip, np.random.default_rng(0)).boxes[0, 0].tolist() == [8, 6, 32, 16]


def test_crop_is_the_same_rectangle_everywhere_and_keeps_the_whole_boxes_part():
    clip = make_clip()
    seen = set()
    for seed in range(60):
        cropped = RandomSizeCrop(10, 30)(clip, np.random.default_rng(seed))
        height, width = cropped.size
        assert 10 <= height <= 24
        assert 10 <= width <= 30
        place = next(
            (top, left)
            for top in range(24 - height + 1)
            for left in range(40 - width + 1)
            if np.array_equal(clip.images[:, top : top + height, left : left + width], cropped.images)
        )
        top, left = place
        assert np.array_equal(clip.masks[..., top : top + height, left : left + width], cropped.masks)
        for before, after in zip(clip.boxes.reshape(-1, 4), cropped.boxes.reshape(-1, 4), strict=True):
            corners = [before[0] - left, before[1] - top, before[2] - left, before[3] - top]
            bounds = [width, height, width, height]
            assert after.tolist() == [min(max(x, 0), bound) for x, bound in zip(corners, bounds, strict=True)]
        seen.add(place)
    assert len(seen) > 20


def test_a_small_clip_keeps_its_side():
    assert RandomSizeCrop(30, 50)(make_clip(), np.random.default_rng(0)).size[0] == 24


@pytest.mark.parametrize(("saturation", "hue"), [(1.0, 0.0), (0.6, 0.0), (1.0, 17.0), (0.8, -12.0)])
def test_colors_change_as_in_the_hsv_model(saturation, hue):
    pixels = np.random.default_rng(0).uniform(0, 1, (200, 3)).astype(np.float32)
    pixels[:3] = [[0.5, 0.5, 0.5], [1, 0, 0], [0, 0.2, 0.2]]
    expected = []
    for pixel in pixels.tolist():
        h, s, v = colorsys.rgb_to_hsv(*pixel)
        expected.append(colorsys.hsv_to_rgb((h + hue / 360) % 1, s * saturation, v))
    assert np.allclose(change_color(pixels, saturation, hue), expected, atol=1e-5)


def test_distortion_is_drawn_per_frame_and_leaves_masks():
    clip = make_clip()
    clip = replace(clip, images=np.repeat(clip.images[:1], 8, 0))
    distorted = PhotometricDistort()(clip, np.random.default_rng(0))
    assert distorted.images.dtype == np.uint8
    assert len({image.tobytes() for image in distorted.images}) > 4
    assert distorted.masks is clip.masks


def to(side):
    """Resize to a square."""
    return ResizeBy(lambda height, width: (side, side))


def test_select_and_compose():
    clip = make_clip()
    both = Compose((RandomSelect(to(8), to(9)), RandomSelect(to(8), to(8))))
    assert {both(clip, np.random.default_rng(seed)).size for seed in range(4)} == {(8, 8)}
    one = RandomSelect(to(8), to(9))
    assert {one(clip, np.random.default_rng(seed)).size for seed in range(20)} == {(8, 8), (9, 9)}
    assert ResizeBy(lambda height, width: (width, height))(clip, np.random.default_rng(0)).size == (40, 24)


def test_pixels_are_normalized_and_padded():
    clip = make_clip()
    images = normalized(clip)
    assert images.shape == (3, 3, 24, 40)
    assert float(images[1, 2, 5, 6]) == pytest.approx((clip.images[1, 5, 6, 2] / 255 - 0.406) / 0.225, abs=1e-5)
    size = padded_size([clip, make_clip(20, 50)], 32)
    assert size == (32, 64)
    assert float(padded(images, size)[..., 24:, :].abs().sum()) == 0
    assert torch.equal(padded(images, size)[..., :24, :40], images)
