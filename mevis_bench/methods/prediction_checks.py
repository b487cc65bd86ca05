"""Check of a method's prediction: its type against the task, its shapes and ranges against the video."""

from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import CaptionPrediction, MaskPrediction, MethodError, Prediction, TrackPrediction, Video
from mevis_bench.records.task_names import TASK_TYPES


def validate_prediction(prediction: Prediction, task: str, video: Video) -> None:
    """Check type, shapes and ranges.

    Raises:
        MethodError: The prediction does not fit the task or the video.
    """
    expected = TASK_TYPES[task].prediction
    if not isinstance(prediction, expected):
        raise MethodError(
            f"invalid prediction for {task}: expected {expected.__name__}, got {type(prediction).__name__}"
        )
    match prediction:
        case MaskPrediction():
            _check_masks(prediction.masks, "masks", video)
            for index, masks in enumerate(prediction.objects or ()):
                _check_masks(masks, f"objects[{index}]", video)
            if prediction.target_score is not None and not 0 <= prediction.target_score <= 1:
                raise MethodError(f"invalid target_score {prediction.target_score}: it must be in 0..1")
        case TrackPrediction():
            _check_tracks(prediction, len(video))
        case CaptionPrediction():
            pass
        case _:
            assert_never(prediction)


def _check_masks(masks: NDArray[np.bool_], name: str, video: Video) -> None:
    shape = (len(video), video.height, video.width)
    if masks.dtype != np.bool_ or masks.shape != shape:
        raise MethodError(f"invalid {name}: expected bool {shape}, got {masks.dtype} {masks.shape}")


def _check_tracks(tracks: TrackPrediction, length: int) -> None:
    entries = len(tracks.frames)
    if tracks.ids.shape != (entries,) or tracks.boxes.shape != (entries, 4):
        raise MethodError(
            f"invalid tracks: expected ids ({entries},) and boxes ({entries}, 4) for {entries} frames, "
            f"got ids {tracks.ids.shape} and boxes {tracks.boxes.shape}"
        )
    if entries and not (tracks.frames.min() >= 0 and tracks.frames.max() < length):
        raise MethodError(
            f"invalid tracks: expected frames in 0..{length - 1}, got {tracks.frames.min()}..{tracks.frames.max()}"
        )
    if not np.isfinite(tracks.boxes).all():
        raise MethodError("invalid tracks: a box has a corner that is not finite")
    if len(set(zip(tracks.frames.tolist(), tracks.ids.tolist(), strict=True))) < entries:
        raise MethodError("invalid tracks: an identity has two boxes in one frame")
