"""The check of every prediction, wherever it was computed: type, shapes, ranges and bounds."""

from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import CaptionPrediction, MaskPrediction, MethodError, Prediction, TrackPrediction, Video
from mevis_bench.records.task_names import TASK_TYPES

MAX_OBJECTS = 1_000
"""Objects of one mask prediction."""

MAX_TRACK_ENTRIES = 1_000_000
"""Boxes of one track prediction: 5,000 per frame in the longest videos of MeViS."""

MAX_CAPTION_LENGTH = 10_000
"""Characters of one caption."""


def validate_prediction(prediction: Prediction, task: str, video: Video) -> None:
    """Check a prediction against its task and video.

    Args:
        prediction: One prediction of a method.
        task: ``rvos``, ``avos``, ``rmot`` or ``rmeg``.
        video: The video it is about.

    Raises:
        MethodError: It does not fit, or is beyond a bound.
    """
    expected = TASK_TYPES[task].prediction
    if not isinstance(prediction, expected):
        raise MethodError(
            f"invalid prediction for {task}: expected {expected.__name__}, got {type(prediction).__name__}"
        )
    match prediction:
        case MaskPrediction():
            _check_mask_prediction(prediction, video)
        case TrackPrediction():
            _check_tracks(prediction, len(video))
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


def _check_tracks(tracks: TrackPrediction, length: int) -> None:
    frames, ids, boxes = tracks.frames, tracks.ids, tracks.boxes
    for name, column, kinds in (("frames", frames, "iu"), ("ids", ids, "iu"), ("boxes", boxes, "iuf")):
        if not isinstance(column, np.ndarray) or (len(column) and column.dtype.kind not in kinds):
            found = str(column.dtype) if isinstance(column, np.ndarray) else type(column).__name__
            expected = "numbers" if "f" in kinds else "integers"
            raise MethodError(f"invalid tracks: expected {name} as a numpy array of {expected}, got {found}")
    entries = len(frames)
    if frames.shape != (entries,) or ids.shape != (entries,) or boxes.shape != (entries, 4):
        raise MethodError(
            f"invalid tracks: expected ids ({entries},) and boxes ({entries}, 4) for {entries} frames, "
            f"got ids {ids.shape} and boxes {boxes.shape}"
        )
    if entries > MAX_TRACK_ENTRIES:
        raise MethodError(f"invalid tracks: expected at most {MAX_TRACK_ENTRIES} boxes, got {entries}")
    if entries and not (frames.min() >= 0 and frames.max() < length):
        raise MethodError(f"invalid tracks: expected frames in 0..{length - 1}, got {frames.min()}..{frames.max()}")
    if not np.isfinite(boxes).all():
        raise MethodError("invalid tracks: a box has a corner that is not finite")
    if len(set(zip(frames.tolist(), ids.tolist(), strict=True))) < entries:
        raise MethodError("invalid tracks: an identity has two boxes in one frame")


def _check_caption(caption: CaptionPrediction) -> None:
    for text in (caption.text, "" if caption.raw is None else caption.raw):
        if not isinstance(text, str):
            raise MethodError(f"invalid caption: expected text, got {type(text).__name__}")
        if len(text) > MAX_CAPTION_LENGTH:
            raise MethodError(f"invalid caption: expected at most {MAX_CAPTION_LENGTH} characters, got {len(text)}")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise MethodError(f"invalid caption: not Unicode text ({error.reason} at {error.start})") from None
    _check_share(caption.target_kept, "target_kept")


def _check_share(value: object, name: str) -> None:
    if value is not None and not (isinstance(value, (int, float, np.floating)) and 0 <= value <= 1):
        raise MethodError(f"invalid {name} {value}: it must be in 0..1")
