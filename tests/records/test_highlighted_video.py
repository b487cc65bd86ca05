"""Highlighted targets: the right pixels, blended as told, in frames that are otherwise untouched."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from mevis_bench.records import DataError, HighlightedVideo, Rle, TargetMasks, Video


def rle(mask: np.ndarray) -> Rle:
    return Rle(*mask.shape, coco.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"])


@pytest.fixture
def video(tmp_path: Path) -> Video:
    paths = []
    for index in range(2):
        paths.append(tmp_path / f"{index:05d}.png")
        Image.fromarray(np.full((4, 6, 3), 100, np.uint8)).save(paths[-1])
    return Video("v", ("00000", "00001"), tuple(paths), 4, 6)


def test_only_the_targets_change(video: Video) -> None:
    one, other = np.zeros((2, 4, 6), bool)
    one[1, 2] = other[3, 5] = True
    target = TargetMasks("0", ((rle(one), None), (rle(other), None)))
    shown = HighlightedVideo.of(video, target, (255, 0, 10), 0.4)
    expected = np.full((4, 6, 3), 100)
    expected[one | other] = (162, 60, 64)  # 0.6 * 100 + 0.4 * (255, 0, 10)
    assert np.array_equal(shown.frame(0), expected)
    assert np.array_equal(shown.frame(1), video.frame(1))
    assert not shown.target_mask(1).any()
    assert (shown.id, len(shown)) == ("v", 2)


def test_a_mask_of_another_size_is_named(video: Video) -> None:
    target = TargetMasks("7", ((rle(np.ones((6, 4), bool)), None),))
    with pytest.raises(DataError, match=r"v/7, frame 0: mask is 4x6, the video is 6x4"):
        HighlightedVideo.of(video, target, (255, 0, 0), 0.5).frame(0)


def test_a_broken_mask_is_named(video: Video) -> None:
    too_long = rle(np.eye(9, dtype=bool)).counts
    target = TargetMasks("7", ((Rle(4, 6, too_long), None),))
    with pytest.raises(DataError, match="v/7, frame 0: RLE counts"):
        HighlightedVideo.of(video, target, (255, 0, 0), 0.5).frame(0)
