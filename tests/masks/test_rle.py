"""Row transitions read from COCO run lengths are those of the dense mask; broken counts are named."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco

from mevis_bench.masks import MaskRows
from mevis_bench.masks.rle import counts_of, rows_from_rle
from mevis_bench.records import DataError, Rle


def encode(mask: np.ndarray) -> Rle:
    counts = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return Rle(*mask.shape, counts["counts"])


clips = arrays(np.bool_, array_shapes(min_dims=3, max_dims=3, max_side=17))


@settings(max_examples=300, deadline=None)
@given(clips)
def test_rows_are_those_of_the_dense_mask(clip: np.ndarray) -> None:
    _, height, width = clip.shape
    rows = rows_from_rle([encode(mask) for mask in clip], height, width, location="clip")
    expected = MaskRows.from_dense(clip)
    assert np.array_equal(rows.offsets, expected.offsets)
    assert np.array_equal(rows.x, expected.x)
    assert np.array_equal(rows.to_dense(), clip)
    assert np.array_equal(rows.areas(), clip.sum(axis=(1, 2)))


@settings(max_examples=300, deadline=None)
@given(clips)
def test_counts_are_those_of_pycocotools(clip: np.ndarray) -> None:
    assert counts_of(clip) == [encode(mask).counts if mask.any() else None for mask in clip]


@pytest.mark.parametrize("shape", [(1, 1), (1, 999), (999, 1), (480, 854)])
@pytest.mark.parametrize("share", [0.001, 0.5, 1.0])
def test_counts_of_noise_of_any_density_fit(shape: tuple[int, int], share: float) -> None:
    clip = np.random.default_rng(0).random((4, *shape)) <= share
    assert counts_of(clip) == [encode(mask).counts if mask.any() else None for mask in clip]


def test_an_absent_mask_covers_nothing() -> None:
    rows = rows_from_rle([None, encode(np.ones((3, 4), bool)), None], 3, 4, location="clip")
    assert rows.areas().tolist() == [0, 12, 0]
    assert rows_from_rle([None, None], 3, 4, location="clip").is_empty


def test_runs_of_nothing_are_read_as_pycocotools_reads_them() -> None:
    raw = {"size": [2, 3], "counts": [1, 0, 1, 2, 0, 2]}
    counts = coco.frPyObjects(raw, 2, 3)
    rows = rows_from_rle([Rle(2, 3, counts["counts"])], 2, 3, location="clip")
    assert np.array_equal(rows.to_dense()[0], coco.decode(counts).astype(bool))


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (b"", "cut off"),
        (b"\x01", "a character that is not COCO's"),
        (b"P", "cut off"),
        (b"oooooooooooooo", "a character that is not COCO's"),
        (b"O", "a run of negative length"),
        (b"5", "do not sum to the 2x3 pixels"),
        (b"7", "do not sum to the 2x3 pixels"),
    ],
)
def test_broken_counts_name_file_and_frame(counts: bytes, message: str) -> None:
    good = encode(np.zeros((2, 3), bool))
    with pytest.raises(DataError, match=message) as caught:
        rows_from_rle([good, Rle(2, 3, counts)], 2, 3, location="a.json, cat/0")
    assert caught.value.location == "a.json, cat/0, frame 1"


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(DataError, match="frame 0: mask is 3x2, the video is 4x2"):
        rows_from_rle([encode(np.zeros((2, 3), bool))], 2, 4, location="a.json")


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=1, max_size=12))
def test_any_bytes_give_a_mask_or_one_error(counts: bytes) -> None:
    try:
        rows = rows_from_rle([Rle(4, 5, counts)], 4, 5, location="fuzz")
    except DataError:
        return
    assert np.array_equal(rows.to_dense()[0], coco.decode({"size": [4, 5], "counts": counts}).astype(bool))


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=12) | st.text("0123456789:;OPQPlmno", max_size=12).map(str.encode))
def test_both_decoders_accept_and_refuse_the_same_counts(counts: bytes) -> None:
    rle = Rle(2, 3, counts)
    try:
        rows = rows_from_rle([rle], 2, 3, location="x")
    except DataError:
        with pytest.raises(DataError, match="RLE counts"):
            rle.decode("x")
    else:
        assert np.array_equal(rows.to_dense()[0], rle.decode())


def test_stripes_of_a_few_characters_do_not_fill_the_memory() -> None:
    side = 8192
    stripes = encode_counts([side] * side)  # every other column: 17 KB of text, 67 million changes along rows
    assert len(stripes) < 30_000
    with pytest.raises(DataError, match=r"x, frame 0: the masks change more often along their rows than the limit"):
        rows_from_rle([Rle(side, side, stripes)], side, side, location="x")


def encode_counts(runs: list[int]) -> bytes:
    """COCO's compressed string of run lengths."""
    text = bytearray()
    for index, run in enumerate(runs):
        number = run - runs[index - 2] if index > 2 else run
        more = True
        while more:
            group, number = number & 31, number >> 5
            more = number != (-1 if group & 16 else 0)
            text.append((group | 32 if more else group) + 48)
    return bytes(text)
