"""Predictions come back as they were written; foreign bytes are refused with what they are called."""

import json

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
    short = b'{"expression":"0","kind":"caption","text":"short form"}\n'
    assert parse_line(short, "here") == CaptionPrediction("short form")


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


MASKS_LINE = {
    "expression": "0",
    "kind": "masks",
    "height": 2,
    "width": 3,
    "masks": ["06", None],
    "objects": None,
    "target_score": None,
}
CANDIDATES_LINE = {**MASKS_LINE, "schema": 2, "candidates": [{"score": 0.5, "masks": ["06", None]}]}
TRACKS_LINE = {"expression": "0", "kind": "tracks", "frames": [0], "ids": [1], "boxes": [[0, 0, 1, 1]]}
POINTS_LINE = {
    "expression": "0",
    "kind": "points",
    "frames": [0],
    "ids": [1],
    "points": [[0.5, 1]],
    "raw": "läuft <tracks",
    "is_cut": True,
}
CAPTION_LINE = {"expression": "0", "kind": "caption", "text": "a cat"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"kind":"masks","height":2', "invalid JSON: Expecting ',' delimiter: line 1 column 27 (char 26)"),
        (b"\xff\xfe", "invalid UTF-8: invalid start byte at byte 0"),
        (b"[]", "expected a mapping with 'kind', got an empty list"),
        (b"{}", "missing key 'kind'"),
        ({"kind": "movie"}, "'kind': expected one of masks, tracks, points, caption, got 'movie'"),
        ({key: value for key, value in MASKS_LINE.items() if key != "objects"}, "missing key 'objects'"),
        ({key: value for key, value in CAPTION_LINE.items() if key != "expression"}, "missing key 'expression'"),
        ({**MASKS_LINE, "mask": []}, "unknown key 'mask'"),
        ({**MASKS_LINE, "candidates": []}, "unknown key 'candidates'"),
        ({**CANDIDATES_LINE, "schema": 3}, "schema 3 is newer than this version reads (2)"),
        ({**MASKS_LINE, "height": "2"}, "'height': expected an integer >= 1, got '2'"),
        ({**MASKS_LINE, "width": 0}, "'width': expected an integer >= 1, got 0"),
        ({**MASKS_LINE, "masks": ["06", 3]}, "'masks[1]': expected COCO's compressed string, got 3"),
        ({**MASKS_LINE, "masks": ["0\u00fc", None]}, "character 'ü' in a mask is not COCO's"),
        ({**MASKS_LINE, "objects": [["06"]]}, "'objects[0]' has 1 masks, the prediction has 2"),
        ({**MASKS_LINE, "target_score": 1.5}, "'target_score': expected a number >= 0 and <= 1, got 1.5"),
        (
            {**CANDIDATES_LINE, "candidates": [{"score": 1, "masks": []}]},
            "'candidates[0]' has 0 masks, the prediction has 2",
        ),
        (
            {**CANDIDATES_LINE, "candidates": [{"score": True, "masks": ["06", None]}]},
            "'candidates[0].score': expected a number, got true",
        ),
        ({**TRACKS_LINE, "ids": []}, "1 frames, 0 ids, 1 boxes"),
        ({**TRACKS_LINE, "ids": [2**63]}, "'ids[0]': expected an integer of 64 bits, got 9223372036854775808"),
        ({**TRACKS_LINE, "frames": [0.5]}, "'frames[0]': expected an integer of 64 bits, got 0.5"),
        ({**TRACKS_LINE, "boxes": [[0, 0, 1]]}, "'boxes[0]': expected [x0, y0, x1, y1], got a list"),
        ({**TRACKS_LINE, "boxes": [[0, 0, 1, "1"]]}, "'boxes[0][3]': expected a number, got '1'"),
        ({**POINTS_LINE, "frames": []}, "0 frames, 1 ids, 1 points"),
        ({**POINTS_LINE, "points": [[0, 0, 1]]}, "'points[0]': expected [x, y], got a list"),
        ({**POINTS_LINE, "is_cut": 1}, "'is_cut': expected true or false, got 1"),
        ({**CAPTION_LINE, "text": 3}, "'text': expected text, got 3"),
        ({**CAPTION_LINE, "raw": 3}, "'raw': expected text, got 3"),
        ({**CAPTION_LINE, "target_kept": -0.5}, "'target_kept': expected a number >= 0 and <= 1, got -0.5"),
    ],
)
def test_invalid_lines_are_one_error_with_key_and_place(content: bytes | dict[str, object], message: str) -> None:
    line = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(DataError) as caught:
        parse_line(line, "v.jsonl, expression 0")
    assert caught.value.location == "v.jsonl, expression 0"
    assert caught.value.message == message


@pytest.mark.parametrize("line", [MASKS_LINE, CANDIDATES_LINE, TRACKS_LINE, POINTS_LINE, CAPTION_LINE])
def test_lines_are_read_and_written_as_they_are(line: dict[str, object]) -> None:
    stored = parse_line(json.dumps(line).encode(), "here")
    prediction = decode_masks(stored) if isinstance(stored, StoredMasks) else stored
    written = json.loads(encode_line("0", prediction))
    assert {key: written[key] for key in line} == line
    assert written.keys() - line.keys() <= {"target_kept"}
