"""Chunks of frames are those that ``frame`` decodes, here and in an environment process."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mevis_bench.execution import environment_child
from mevis_bench.records import DataError, Video


@pytest.mark.parametrize("video_type", [Video, environment_child.Video])
@pytest.mark.parametrize(("size", "lengths"), [(1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (9, [5])])
def test_chunks_hold_all_frames_in_order(tmp_path: Path, video_type: type, size: int, lengths: list[int]) -> None:
    paths = []
    for index in range(5):
        paths.append(tmp_path / f"{index}.png")
        Image.fromarray(np.full((2, 3, 3), 40 * index, np.uint8)).save(paths[-1])
    video = video_type("v", tuple(path.stem for path in paths), tuple(paths), 2, 3)
    chunks = list(video.chunks(size))
    assert [len(chunk) for chunk in chunks] == lengths
    np.testing.assert_array_equal(np.concatenate(chunks), np.stack([video.frame(index) for index in range(5)]))


def test_a_video_without_frames_has_no_chunks() -> None:
    assert list(Video("v", (), (), 2, 3).chunks(4)) == []


@pytest.mark.parametrize(
    ("frames", "height", "width", "error"),
    [
        (100_001, 1, 1, "100001 frames of a video: expected at most 100000"),
        (257, 8192, 8192, "17246978048 pixels of a video: expected at most 17179869184"),
        (1, 8193, 1, "frame size 1x8193: expected 1 to 8192 pixels per side"),
    ],
)
def test_a_video_is_bounded_in_frames_and_in_pixels(frames: int, height: int, width: int, error: str) -> None:
    names = ("f",) * frames
    with pytest.raises(DataError, match=f"video v: {error}"):
        Video("v", names, (Path("f"),) * frames, height, width)


def test_the_largest_video_is_read() -> None:
    assert len(Video("v", ("f",) * 256, (Path("f"),) * 256, 8192, 8192)) == 256
