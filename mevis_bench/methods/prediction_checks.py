"""The check of every prediction, wherever it was computed: type, shapes, ranges and bounds."""

from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import (
    CaptionPrediction,
    MaskPrediction,
    MethodError,
    PointPrediction,
    Prediction,
    TrackPrediction,
    Video,
)
from mevis_bench.records.task_names import TASK_TYPES

MAX_OBJECTS = 1_000
"""Objects of one mask prediction."""

MAX_TRACK_ENTRIES = 1_000_000
"""Boxes of one track prediction: 5,000 per frame in the longest videos of MeViS."""

MAX_CAPTION_LENGTH = 10_000
"""Characters of one caption."""

MAX_ANSWER_LENGTH = 100_000
"""Characters of a model's whole answer in points."""


def validate_prediction(prediction: Prediction, task: str, video: Video) -> None:
    """Check a prediction against its task and video.

    Args:
        prediction: One prediction of a method.
        task: ``rvos``, ``avos``, ``rmot`` or ``rmeg``.
        video: The video it is about.

    Raises:
        MethodError: It does not fit, or is beyond a bound.
    """
    types = TASK_TYPES[task].predictions
    if not isinstance(prediction, types):
        expected = " or ".join(each.__name__ for each in types)
        raise MethodError(f"invalid prediction for {task}: expected {expected}, got {type(prediction).__name__}")
    check_prediction(prediction, video)


def check_prediction(prediction: Prediction, video: Video) -> None:
    """Check a prediction against its video; see :func:`validate_prediction`.

    Raises:
        MethodError: It does not fit, or is beyond a bound.
    """
    match prediction:
        case MaskPrediction():
            _check_mask_prediction(prediction, video)
        case TrackPrediction():
            _check_entries(prediction.frames, prediction.ids, prediction.boxes, "boxes", len(video))
        case PointPrediction():
            _check_entries(prediction.frames, prediction.ids, prediction.points, "points", len(video))
            if prediction.raw is not None:
                _check_text(prediction.raw, "raw answer", MAX_ANSWER_LENGTH)
        case CaptionPrediction():
            _check_caption(prediction)
        case _:
            assert_never(prediction)


def check_mask_format(dtype: object, shape: tuple[int, ...], name: str, video: Video) -> None:
    """Raise ``MethodError`` unless masks are bool ``(t, h, w)`` of the video; ``name`` is for the message."""
    expected = (len(video), video.height, video.width)
    if dtype != "bool" or shape != expected:
        raise MethodError(f"invalid {name}: expected bool {expected}, got {dtype} {shape}")


def _check_mask_prediction(prediction: MaskPrediction, video: Video) -> None:
    _check_masks(prediction.masks, "masks", video)
    objects = prediction.objects
    if objects is not None and not isinstance(objects, (tuple, list)):
        raise MethodError(f"invalid objects: expected a tuple of masks, got {type(objects).__name__}")
    if objects is not None and len(objects) > MAX_OBJECTS:
        raise MethodError(f"invalid objects: expected at most {MAX_OBJECTS}, got {len(objects)}")
    for index, masks in enumerate(objects or ()):
        _check_masks(masks, f"objects[{index}]", video)
    _check_share(prediction.target_score, "target_score")
    _check_candidates(prediction, video)


def _check_candidates(prediction: MaskPrediction, video: Video) -> None:
    candidates = prediction.candidates
    if candidates is None:
        return
    if not isinstance(candidates, (tuple, list)) or not 1 <= len(candidates) <= MAX_OBJECTS:
        raise MethodError(f"invalid candidates: expected a tuple of 1 to {MAX_OBJECTS} pairs of masks and score")
    for index, (masks, score) in enumerate(candidates):
        _check_masks(masks, f"candidates[{index}]", video)
        if not isinstance(score, (int, float, np.floating)) or not np.isfinite(score):
            raise MethodError(f"invalid candidates[{index}]: expected a finite score, got {score!r}")


def _check_masks(masks: NDArray[np.bool_], name: str, video: Video) -> None:
    if not isinstance(masks, np.ndarray):
        raise MethodError(f"invalid {name}: expected a numpy array, got {type(masks).__name__}")
    check_mask_format(str(masks.dtype), masks.shape, name, video)


def _check_entries(
    frames: NDArray[np.int64], ids: NDArray[np.int64], places: NDArray[np.float64], name: str, length: int
) -> None:
    """Check boxes ``(n, 4)`` or points ``(n, 2)`` with their frames and identities."""
    kind, one, axes = _ENTRIES[name]
    for column_name, column, kinds in (("frames", frames, "iu"), ("ids", ids, "iu"), (name, places, "iuf")):
        if not isinstance(column, np.ndarray) or (len(column) and column.dtype.kind not in kinds):
            found = str(column.dtype) if isinstance(column, np.ndarray) else type(column).__name__
            expected = "numbers" if "f" in kinds else "integers"
            raise MethodError(f"invalid {kind}: expected {column_name} as a numpy array of {expected}, got {found}")
    entries = len(frames)
    if frames.shape != (entries,) or ids.shape != (entries,) or places.shape != (entries, axes):
        raise MethodError(
            f"invalid {kind}: expected ids ({entries},) and {name} ({entries}, {axes}) for {entries} frames, "
            f"got ids {ids.shape} and {name} {places.shape}"
        )
    if entries > MAX_TRACK_ENTRIES:
        raise MethodError(f"invalid {kind}: expected at most {MAX_TRACK_ENTRIES} {name}, got {entries}")
    if entries and not (frames.min() >= 0 and frames.max() < length):
        raise MethodError(f"invalid {kind}: expected frames in 0..{length - 1}, got {frames.min()}..{frames.max()}")
    if not np.isfinite(places).all():
        raise MethodError(f"invalid {kind}: {one} that is not finite")
    if len(set(zip(frames.tolist(), ids.tolist(), strict=True))) < entries:
        raise MethodError(f"invalid {kind}: an identity has two {name} in one frame")


_ENTRIES = {"boxes": ("tracks", "a box has a corner", 4), "points": ("points", "there is a point", 2)}
"""Name in messages, a wrong entry, and numbers of an entry, by the column's name."""


def _check_caption(caption: CaptionPrediction) -> None:
    _check_text(caption.text, "caption", MAX_CAPTION_LENGTH)
    if caption.raw is not None:
        _check_text(caption.raw, "caption", MAX_CAPTION_LENGTH)
    _check_share(caption.target_kept, "target_kept")


def _check_text(text: object, name: str, limit: int) -> None:
    if not isinstance(text, str):
        raise MethodError(f"invalid {name}: expected text, got {type(text).__name__}")
    if len(text) > limit:
        raise MethodError(f"invalid {name}: expected at most {limit} characters, got {len(text)}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise MethodError(f"invalid {name}: not Unicode text ({error.reason} at {error.start})") from None


def _check_share(value: object, name: str) -> None:
    if value is not None and not (isinstance(value, (int, float, np.floating)) and 0 <= value <= 1):
        raise MethodError(f"invalid {name} {value}: it must be in 0..1")
