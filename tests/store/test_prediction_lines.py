"""Predictions come back as they were written; foreign bytes are refused with what they are called."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mevis_bench.records import CaptionPrediction, DataError, MaskPrediction, TrackPrediction
from mevis_bench.store.prediction_lines import (
    StoredMasks,
    complete_lines,
    decode_masks,
    encode_line,
    parse_line,
    split_lines,
)

MASKS = arrays(bool, array_shapes(min_dims=3, max_dims=3, max_side=9))


@settings(deadline=None)  # the first call compiles
@given(MASKS, st.one_of(st.none(), st.floats(0, 1)), st.booleans())
def test_masks_come_back(masks, score, with_objects) -> None:
    objects = (masks, ~masks) if with_objects else None
    stored = parse_line(encode_line("0", MaskPrediction(masks, objects, score)), "here")
    assert isinstance(stored, StoredMasks)
    assert [mask is None for mask in stored.masks] == [not frame.any() for frame in masks]
    back = decode_masks(stored)
    np.testing.assert_array_equal(back.masks, masks)
    assert back.target_score == score
    assert (back.objects is None) == (objects is None)
    for one, other in zip(back.objects or (), objects or (), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_line_of_masks_is_what_the_contract_says() -> None:
    masks = np.zeros((2, 2, 3), bool)
    masks[0, 0, 1] = True
    # Down the columns: background 2, foreground 1, background 3; COCO's compression of small counts is 48 + count.
    assert encode_line("7", MaskPrediction(masks, target_score=0.5)) == (
        b'{"expression":"7","kind":"masks","height":2,"width":3,"masks":["213",null],"objects":null,"target_score":0.5}\n'
    )


def test_tracks_and_captions_come_back() -> None:
    tracks = TrackPrediction(np.array([0, 1]), np.array([5, 5]), np.array([[0.1, 0, 1 / 3, 4], [1, 2, 3, 4]]))
    for prediction in (tracks, TrackPrediction(tracks.frames[:0], tracks.ids[:0], tracks.boxes[:0])):
        back = parse_line(encode_line("0", prediction), "here")
        assert isinstance(back, TrackPrediction)
        for name in ("frames", "ids", "boxes"):
            np.testing.assert_array_equal(getattr(back, name), getattr(prediction, name))
            assert getattr(back, name).dtype == getattr(prediction, name).dtype
    for caption in (CaptionPrediction("zwei Vögel, 'hin'\n\u2028und her"), CaptionPrediction("", target_kept=0.25)):
        line = encode_line("0", caption)
        assert parse_line(line, "here") == caption
        assert line.splitlines(keepends=True) == [line]
    assert parse_line(b'{"kind":"caption","text":"short form"}\n', "here") == CaptionPrediction("short form")


@given(st.lists(st.text(min_size=1), max_size=5))
def test_lines_are_found_by_expression_and_the_last_one_holds(ids: list[str]) -> None:
    lines = [encode_line(one, CaptionPrediction(f"{number}")) for number, one in enumerate(ids)]
    last = dict(zip(ids, lines, strict=True))
    assert split_lines(b"".join(lines), "here") == last
    assert complete_lines(b"".join(lines)) == last


def test_the_expression_may_have_spaces_around_it_but_no_other_key_before_it() -> None:
    spaced = b' { "expression" : "a" , "kind": "caption", "text": "x"}\n'
    assert split_lines(spaced, "here") == {"a": spaced}
    for line in (
        b'{"kind":"caption","expression":"a"}\n',
        b'{"expression":3,',
        b'{"expression":"\\x",',
        b"\x00\x00",
        b"\n",
    ):
        with pytest.raises(DataError, match=r'^v\.jsonl:2: this line does not start with "expression"$'):
            split_lines(spaced + line, "v.jsonl")
        assert complete_lines(spaced + line) == {"a": spaced}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"kind":"masks","height":2', "invalid JSON: "),
        (b"\xff\xfe", "invalid UTF-8: "),
        (b"[]", "is not a prediction (TypeError: "),
        (b'{"kind":"masks","height":2,"width":3,"masks":[]}', "is not a prediction (KeyError: 'objects')"),
        (
            b'{"kind":"masks","height":"2","width":3,"masks":[]}',
            "is not a prediction (TypeError: expected int, got '2')",
        ),
        (b'{"kind":"movie"}', "is not a prediction (ValueError: unknown kind 'movie')"),
        (b'{"kind":"tracks","frames":[0],"ids":[],"boxes":[]}', "(ValueError: 1 frames, 0 ids, 0 boxes)"),
        (b'{"kind":"caption","text":3}', "is not a prediction (TypeError: expected str, got 3)"),
    ],
)
def test_foreign_bytes_are_refused(content: bytes, words: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_line(content, "v.jsonl, expression 0")
    assert caught.value.location == "v.jsonl, expression 0"
    assert words in caught.value.message
