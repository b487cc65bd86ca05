"""Predictions of an environment process are bounded and checked before they are unpacked."""

import base64
import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from mevis_bench.execution import environment_child
from mevis_bench.execution.environment_messages import decode_prediction
from mevis_bench.methods.prediction_checks import (
    MAX_CAPTION_LENGTH,
    MAX_OBJECTS,
    MAX_TRACK_ENTRIES,
    validate_prediction,
)
from mevis_bench.records import (
    CaptionPrediction,
    MaskPrediction,
    MethodError,
    PointPrediction,
    Prediction,
    TrackPrediction,
    Video,
)

VIDEO = Video("v", ("0", "1"), (Path("0"), Path("1")), 3, 5)
MASKS = np.random.default_rng(0).random((2, 3, 5)) > 0.5
PACKED = environment_child._encode_masks(MASKS)


def decode(message: object, video: Video = VIDEO) -> tuple[Prediction, float] | None:
    return decode_prediction(json.dumps(message).encode(), video)


def reply(**message: object) -> dict[str, object]:
    return {"prediction": message, "decoding": 0.25}


def masks(**changes: object) -> dict[str, object]:
    return reply(**({"kind": "masks", "masks": PACKED, "objects": None, "target_score": 0.5} | changes))


def tracks(**changes: object) -> dict[str, object]:
    columns = {"frames": [0, 1], "ids": [7, 7], "boxes": [[0, 0, 1, 1 / 3], [1, 2, 3, 4]]}
    return reply(**({"kind": "tracks"} | columns | changes))


def test_masks_tracks_and_captions_come_back_unchanged() -> None:
    decoded = decode(masks(objects=[PACKED, PACKED]))
    assert decoded is not None
    prediction, seconds = decoded
    assert isinstance(prediction, MaskPrediction)
    assert prediction.objects is not None
    assert seconds == 0.25
    for one in (prediction.masks, *prediction.objects):
        np.testing.assert_array_equal(one, MASKS)
    decoded = decode(tracks())
    assert decoded is not None
    prediction, _ = decoded
    assert isinstance(prediction, TrackPrediction)
    assert prediction.boxes[0, 3] == 1 / 3
    points = {"frames": [1], "ids": [4], "points": [[0.5, 1 / 3]], "raw": "läuft", "is_cut": True}
    decoded = decode(reply(kind="points", **points))
    assert decoded is not None
    prediction, _ = decoded
    assert isinstance(prediction, PointPrediction)
    assert prediction.by_frame() == {1: {"4": (0.5, 1 / 3)}}
    assert (prediction.raw, prediction.is_cut) == ("läuft", True)
    caption = reply(kind="caption", text="läuft", target_kept=None, raw="Er läuft.")
    assert decode(caption) == (CaptionPrediction("läuft", raw="Er läuft."), 0.25)
    assert decode(None) is None


CAPTION = {"kind": "caption", "text": "", "target_kept": None, "raw": None}
BOMB = {"shape": [2, 3, 5], "bits": base64.b64encode(zlib.compress(bytes(100_000_000))).decode()}


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (3, r"Expected `object \| null`, got `int`"),
        ({}, "missing required field `prediction`"),
        ({"prediction": CAPTION, "decoding": -1}, r"Expected `float` >= 0.0 - at `\$.decoding`"),
        ({"prediction": CAPTION, "decoding": "x"}, "Expected `float`, got `str`"),
        ({"prediction": CAPTION, "decoding": float("nan")}, "invalid character"),
        ({"prediction": CAPTION | {"text": "\ud800"}, "decoding": 0}, "malformed"),
        ({"prediction": CAPTION | {"text": ["x"] * 1000}, "decoding": 0}, "Expected `str`, got `array`"),
        (reply(kind="boxes"), "Invalid value 'boxes'"),
        (masks(masks=BOMB), r"expected 4 packed bytes for \(2, 3, 5\), got 5"),
        (
            masks(masks={"shape": [10**9, 10**9, 10**9], "bits": ""}),
            r"expected bool \(2, 3, 5\), got bool \(1000000000,",
        ),
        (masks(masks={"shape": [2, 3, 5] * 10**5, "bits": ""}), "expected 3 axes, got 300000"),
        (masks(masks={"shape": [2, 3, 5], "bits": "??"}), "cannot unpack them"),
        (masks(masks={"shape": [2, 3, 5], "bits": "AAAA"}), "cannot unpack them"),
        (masks(objects=[PACKED] * (MAX_OBJECTS + 1)), f"expected at most {MAX_OBJECTS}, got {MAX_OBJECTS + 1}"),
        (masks(objects=5), r"Expected `array \| null`, got `int`"),
        (tracks(ids=[1]), "expected equal numbers of frames, ids and boxes"),
        (
            reply(kind="points", frames=[1], ids=[], points=[], raw=None, is_cut=False),
            "expected equal numbers of frames, ids and points",
        ),
        (tracks(ids=[1.5, 2]), "Expected `int`, got `float`"),
        (tracks(ids=[10**30, 2]), "too large to convert"),
        (tracks(boxes=[[0, 0, 1], [1, 2, 3, 4]]), r"Expected `array` of length 4 - at `\$.prediction.boxes\[0\]`"),
        (
            tracks(frames=[0] * (MAX_TRACK_ENTRIES + 1)),
            f"at most {MAX_TRACK_ENTRIES}",
        ),
    ],
)
def test_malformed_and_oversized_replies_are_refused(message: object, error: str) -> None:
    with pytest.raises(MethodError, match=error):
        decode(message)


def test_the_masks_of_all_objects_together_are_bounded() -> None:
    long = Video("v", ("0",) * 2000, (Path("0"),) * 2000, 2160, 3840)
    with pytest.raises(
        MethodError, match="invalid objects: expected at most 8589934592 bytes of masks, got 16588800000"
    ):
        decode(masks(objects=[PACKED]), long)


@pytest.mark.parametrize(
    ("prediction", "task", "error"),
    [
        (MaskPrediction([[[True]]]), "rvos", "invalid masks: expected a numpy array, got list"),
        (MaskPrediction(MASKS, {0: MASKS}), "rvos", "invalid objects: expected a tuple of masks, got dict"),
        (MaskPrediction(MASKS, (MASKS,) * (MAX_OBJECTS + 1)), "rvos", f"expected at most {MAX_OBJECTS}"),
        (MaskPrediction(MASKS, None, float("nan")), "rvos", "invalid target_score nan"),
        (MaskPrediction(MASKS, None, "high"), "rvos", "invalid target_score high"),
        (TrackPrediction([0], [0], [[0, 0, 1, 1]]), "rmot", "expected frames as a numpy array of integers, got list"),
        (
            TrackPrediction(np.zeros(1), np.zeros(1, int), np.zeros((1, 4))),
            "rmot",
            "expected frames as a numpy array of integers, got float64",
        ),
        (CaptionPrediction(3), "rmeg", "invalid caption: expected text, got int"),
        (CaptionPrediction("x" * (MAX_CAPTION_LENGTH + 1)), "rmeg", "expected at most 10000 characters, got 10001"),
        (CaptionPrediction("\ud800"), "rmeg", "invalid caption: not Unicode text"),
        (CaptionPrediction("", 2.0), "rmeg", "invalid target_kept 2.0"),
    ],
)
def test_the_prediction_check_covers_types_and_bounds(prediction: object, task: str, error: str) -> None:
    with pytest.raises(MethodError, match=error):
        validate_prediction(prediction, task, VIDEO)
