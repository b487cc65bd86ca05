"""Masks come out of PNG files of every writer as Pillow reads them; anything else is one clear error."""

import builtins
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mevis_bench.masks import MaskRows
from mevis_bench.records import DataError
from mevis_bench.store.png import rows_from_png
from tests.store.png_writer import chunk, write_png


def blob(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    for _ in range(rng.integers(0, 4)):
        y, x = rng.integers(0, height), rng.integers(0, width)
        mask[y : y + rng.integers(1, height + 1), x : x + rng.integers(1, width + 1)] ^= True
    if rng.random() < 0.2:
        mask ^= rng.random(mask.shape) < 0.1
    return mask


def read(data: bytes, height: int, width: int, threshold: int | None = None) -> np.ndarray:
    return rows_from_png(data, height, width, threshold=threshold, location="p.png").to_dense()[0]


def saved(values: np.ndarray, mode: str, **options: object) -> bytes:
    file = io.BytesIO()
    image = Image.fromarray(values)
    if mode == "P":
        image = image.convert("L")
        image.putpalette([level for level in range(256) for _ in range(3)])
    image.convert(mode).save(file, format="PNG", **options)
    return file.getvalue()


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
@pytest.mark.parametrize("color", [0, 3])
def test_every_filter_depth_and_color_type(depth: int, color: int) -> None:
    rng = np.random.default_rng(depth + 10 * color)
    for _ in range(60):
        height, width = (int(side) for side in rng.integers(1, 40, 2))
        mask = blob(rng, height, width)
        values = mask * int(rng.integers(1, 2**depth))
        if color == 3:
            values = mask * rng.integers(1, 2**depth, (height, width))
        data = write_png(values, rng.integers(0, 5, height).tolist(), depth, color, parts=int(rng.integers(1, 4)))
        assert np.array_equal(read(data, height, width), mask)


@pytest.mark.parametrize("filters", [[kind] for kind in range(5)] + [[0, 1, 2, 3, 4]])
def test_wide_rows_of_one_filter(filters: list[int]) -> None:
    rng = np.random.default_rng(5)
    mask = blob(rng, 25, 700)
    data = write_png(mask * 255, (filters * 25)[:25])
    assert np.array_equal(read(data, 25, 700), mask)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["L", "P", "1"]), st.booleans())
def test_what_pillow_writes(seed: int, mode: str, optimize: bool) -> None:
    rng = np.random.default_rng(seed)
    mask = blob(rng, int(rng.integers(1, 60)), int(rng.integers(1, 90)))
    data = saved(mask.astype(np.uint8) * 255, mode, optimize=optimize)
    assert np.array_equal(read(data, *mask.shape), mask)


def test_palette_indices_but_zero_are_foreground() -> None:
    values = np.array([[0, 1, 7], [255, 0, 2]], np.uint8)
    assert read(saved(values, "P"), 2, 3).tolist() == [[False, True, True], [True, False, True]]


def test_soft_masks_need_a_threshold() -> None:
    values = np.array([[0, 1, 7], [255, 0, 128]], np.uint8)
    data = saved(values, "L")
    with pytest.raises(DataError, match=r"p\.png: mask is soft: it holds more than one value besides 0\nWrite 0 and"):
        read(data, 2, 3)
    assert read(data, 2, 3, threshold=128).tolist() == [[False, False, False], [True, False, True]]
    assert np.array_equal(read(data, 2, 3, threshold=1), values > 0)
    two_bit = write_png(np.array([[0, 1, 2, 3]]), [1], depth=2)  # 0, 85, 170, 255 on the scale of 8 bits
    assert read(two_bit, 1, 4, threshold=86).tolist() == [[False, False, True, True]]


def test_interlaced_files_go_through_pillow() -> None:
    # one pixel is the same interlaced and not
    for value in (0, 255):
        data = write_png(np.array([[value]]), [0], interlaced=1)
        assert read(data, 1, 1).tolist() == [[value == 255]]


def test_other_images_are_refused_by_name() -> None:
    rgb = saved(np.zeros((2, 3, 3), np.uint8), "RGB")
    deep = io.BytesIO()
    Image.fromarray(np.zeros((2, 3), np.uint16)).save(deep, format="PNG")
    jpeg = io.BytesIO()
    Image.fromarray(np.zeros((2, 3), np.uint8)).save(jpeg, format="JPEG")
    cases = {
        "mask is RGB; it must have one channel": rgb,
        "mask is 16 bits deep": deep.getvalue(),
        "it does not begin like one": jpeg.getvalue(),
        "mask is 4x2, the video is 3x2": saved(np.zeros((2, 4), np.uint8), "L"),
        "row 1 has an unknown filter": b"".join(
            [
                b"\x89PNG\r\n\x1a\n",
                chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 8, 0, 0, 0, 0)),
                chunk(b"IDAT", zlib.compress(bytes([0, 0, 0, 0, 5, 0, 0, 0]))),
                chunk(b"IEND", b""),
            ]
        ),
    }
    for message, data in cases.items():
        with pytest.raises(DataError, match=rf"^p\.png: .*{message}"):
            read(data, 2, 3)


@pytest.mark.parametrize("with_libdeflate", [True, False])
def test_every_cut_and_every_flipped_byte_is_an_error(monkeypatch, with_libdeflate: bool) -> None:
    if not with_libdeflate:
        plain = builtins.__import__

        def without(name: str, *rest: object) -> object:
            if name == "deflate":
                raise ImportError(name)
            return plain(name, *rest)

        monkeypatch.setattr(builtins, "__import__", without)
    mask = blob(np.random.default_rng(8), 20, 30)
    data = saved(mask.astype(np.uint8) * 255, "L")
    assert np.array_equal(read(data, 20, 30), mask)
    for end in range(len(data)):
        with pytest.raises(DataError, match=r"^p\.png: "):
            read(data[:end], 20, 30)
    for position in range(len(data)):
        for bit in (0, 3, 7):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            with pytest.raises(DataError, match=r"^p\.png: "):
                read(bytes(damaged), 20, 30)


def test_pixels_too_many_or_too_few() -> None:
    for rows in (1, 3):
        body = zlib.compress(bytes(4 * rows))
        data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 8, 0, 0, 0, 0))
        with pytest.raises(DataError, match="no readable PNG"):
            read(data + chunk(b"IDAT", body) + chunk(b"IEND", b""), 2, 3)


def test_rows_equal_those_of_the_dense_mask() -> None:
    mask = blob(np.random.default_rng(9), 33, 47)
    rows = rows_from_png(saved(mask.astype(np.uint8), "L"), 33, 47, threshold=None, location="p.png")
    expected = MaskRows.from_dense(mask[None])
    assert np.array_equal(rows.offsets, expected.offsets)
    assert np.array_equal(rows.x, expected.x)
