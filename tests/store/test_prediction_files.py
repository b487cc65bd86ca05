"""Predictions come back as they were written; foreign bytes are refused with the file's name."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mevis_bench.records import CaptionPrediction, DataError, MaskPrediction, TrackPrediction
from mevis_bench.store.prediction_files import StoredMasks, decode_masks, encode_prediction, read_prediction

MASKS = arrays(bool, array_shapes(min_dims=3, max_dims=3, max_side=9))


@given(MASKS, st.one_of(st.none(), st.floats(0, 1)), st.booleans())
def test_masks_come_back(tmp_path_factory, masks, score, with_objects) -> None:
    path = tmp_path_factory.mktemp("p") / "0.json"
    objects = (masks, ~masks) if with_objects else None
    path.write_bytes(encode_prediction(MaskPrediction(masks, objects, score)))
    stored = read_prediction(path)
    assert isinstance(stored, StoredMasks)
    assert [mask is None for mask in stored.masks] == [not frame.any() for frame in masks]
    back = decode_masks(stored)
    np.testing.assert_array_equal(back.masks, masks)
    assert back.target_score == score
    assert (back.objects is None) == (objects is None)
    for one, other in zip(back.objects or (), objects or (), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_mask_file_is_what_the_contract_says(tmp_path: Path) -> None:
    masks = np.zeros((2, 2, 3), bool)
    masks[0, 0, 1] = True
    # Down the columns: background 2, foreground 1, background 3; COCO's compression of small counts is 48 + count.
    assert encode_prediction(MaskPrediction(masks, target_score=0.5)) == (
        b'{"kind":"masks","height":2,"width":3,"masks":["213",null],"objects":null,"target_score":0.5}\n'
    )


def test_tracks_and_captions_come_back(tmp_path: Path) -> None:
    tracks = TrackPrediction(np.array([0, 1]), np.array([5, 5]), np.array([[0.1, 0, 1 / 3, 4], [1, 2, 3, 4]]))
    path = tmp_path / "0.json"
    for prediction in (tracks, TrackPrediction(tracks.frames[:0], tracks.ids[:0], tracks.boxes[:0])):
        path.write_bytes(encode_prediction(prediction))
        back = read_prediction(path)
        assert isinstance(back, TrackPrediction)
        for name in ("frames", "ids", "boxes"):
            np.testing.assert_array_equal(getattr(back, name), getattr(prediction, name))
            assert getattr(back, name).dtype == getattr(prediction, name).dtype
    for caption in (CaptionPrediction("zwei Vögel, 'hin'\n\u2028und her"), CaptionPrediction("", target_kept=0.25)):
        path.write_bytes(encode_prediction(caption))
        assert read_prediction(path) == caption
    path.write_bytes(b'{"kind":"caption","text":"short form"}\n')
    assert read_prediction(path) == CaptionPrediction("short form")
    assert path.read_bytes().count(b"\n") == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"kind":"masks","height":2', "can't be read: "),
        (b"\xff\xfe", "can't be read: "),
        (b"[]", "is not a prediction (TypeError: "),
        (b'{"kind":"masks","height":2,"width":3,"masks":[]}', "is not a prediction (KeyError: 'objects')"),
        (b'{"kind":"masks","height":"2","width":3,"masks":[]}', "is not a prediction (TypeError: '2' is no int)"),
        (b'{"kind":"movie"}', "is not a prediction (ValueError: unknown kind 'movie')"),
        (b'{"kind":"tracks","frames":[0],"ids":[],"boxes":[]}', "(ValueError: 1 frames, 0 ids, 0 boxes)"),
        (b'{"kind":"caption","text":3}', "is not a prediction (TypeError: 3 is no str)"),
    ],
)
def test_foreign_bytes_are_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "0.json"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_prediction(path)
    assert caught.value.where == str(path)
    assert words in caught.value.what


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"0\.json: no such prediction"):
        read_prediction(tmp_path / "0.json")
