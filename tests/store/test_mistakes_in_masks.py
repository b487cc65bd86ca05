"""Masks that official scripts read differently, and counts that are no counts."""

import io

import numpy as np
import pytest
from PIL import Image

from mevis_bench.masks.rle_json import parse_rle
from mevis_bench.records import DataError
from mevis_bench.store.formats.refer_kitti import parse_tracks
from mevis_bench.store.png import rows_from_png

MASK = np.array([[0, 1, 0, 2], [1, 1, 0, 0]], np.uint8)


def palette_png(values: np.ndarray, colors: list[int]) -> bytes:
    image = Image.fromarray(values, mode="P")
    image.putpalette(colors)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("colors", "message"),
    [
        ([0, 0, 0, 0, 0, 0, 255, 255, 255], "palette index 1 is black"),
        ([0, 0, 0, 1, 0, 0, 255, 255, 255], "palette index 1 is black"),  # OpenCV: round(0.299) = 0
        ([9, 9, 9, 255, 0, 0, 0, 255, 0], "palette index 0 is not black"),
    ],
)
def test_a_palette_that_contradicts_its_indices_is_refused(colors: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        rows_from_png(palette_png(MASK, colors), 2, 4, threshold=None, location="x.png")
    rows = rows_from_png(palette_png(MASK, colors), 2, 4, threshold=1, location="x.png")
    assert (rows.to_dense()[0] == (MASK >= 1)).all()


def test_black_colors_that_no_pixel_has_are_harmless() -> None:
    colors = [0, 0, 0, 128, 0, 0, 0, 128, 0, *[0] * 30]
    rows = rows_from_png(palette_png(MASK, colors), 2, 4, threshold=None, location="x.png")
    assert (rows.to_dense()[0] == (MASK > 0)).all()


def test_sixteen_bits_are_refused_with_the_reason() -> None:
    file = io.BytesIO()
    Image.fromarray(MASK.astype(np.uint16) * 65535 // 2).save(file, "PNG")
    with pytest.raises(DataError, match=r"16 bits deep; 8 or fewer are needed\nWrite 8 bits: 0 and 255"):
        rows_from_png(file.getvalue(), 2, 4, threshold=None, location="x.png")


def test_counts_written_as_python_bytes_are_named() -> None:
    with pytest.raises(DataError, match=r"the text of Python's bytes \(b'04'\.\.\.\)\nWrite counts\.decode\(\)"):
        parse_rle({"size": [2, 2], "counts": "b'04'"}, "x")


@pytest.mark.parametrize("text", ["1.0,2.0,0,0,2,3\n", "1 2 0 0 2 3\n", " 1, 2, 0, 0, 2, 3 \n", "1\t2\t0\t0\t2\t3"])
def test_whole_floats_and_blanks_in_tracks_are_read(text: str) -> None:
    tracks = parse_tracks(text, 3, "x.txt")
    assert (tracks.frames.tolist(), tracks.ids.tolist(), tracks.boxes.tolist()) == ([0], [1], [[0, 0, 2, 3]])
