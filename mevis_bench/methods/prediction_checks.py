"""A method's answer is what its task wants, or the sample fails with the reason."""

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import CaptionPrediction, MaskPrediction, MethodError, Prediction, TrackPrediction, Video

_KINDS = {"rvos": MaskPrediction, "avos": MaskPrediction, "rmot": TrackPrediction, "rmeg": CaptionPrediction}


def validate_prediction(answer: Prediction, task: str, video: Video) -> None:
    """Check type, shapes and ranges.

    Raises:
        MethodError: The answer does not fit the task or the video.
    """
    kind = _KINDS[task]
    if not isinstance(answer, kind):
        raise MethodError(f"the method answered {task} with a {type(answer).__name__}, not a {kind.__name__}")
    if isinstance(answer, MaskPrediction):
        _check_masks(answer.masks, "masks", video)
        for index, masks in enumerate(answer.objects or ()):
            _check_masks(masks, f"objects[{index}]", video)
        if answer.target_score is not None and not 0 <= answer.target_score <= 1:
            raise MethodError(f"target_score is {answer.target_score}, it must be in 0..1")
    elif isinstance(answer, TrackPrediction):
        _check_tracks(answer, len(video))


def _check_masks(masks: NDArray[np.bool_], name: str, video: Video) -> None:
    shape = (len(video), video.height, video.width)
    if masks.dtype != np.bool_ or masks.shape != shape:
        raise MethodError(f"{name} are {masks.dtype} {masks.shape}, they must be bool {shape}")


def _check_tracks(tracks: TrackPrediction, length: int) -> None:
    entries = len(tracks.frames)
    if tracks.ids.shape != (entries,) or tracks.boxes.shape != (entries, 4):
        raise MethodError(
            f"tracks have {tracks.frames.shape} frames, {tracks.ids.shape} ids and {tracks.boxes.shape} boxes"
        )
    if entries and not (tracks.frames.min() >= 0 and tracks.frames.max() < length):
        raise MethodError(f"tracks name frames {tracks.frames.min()}..{tracks.frames.max()} of a {length}-frame video")
    if not np.isfinite(tracks.boxes).all():
        raise MethodError("tracks have boxes that are not finite")
    if len(set(zip(tracks.frames.tolist(), tracks.ids.tolist(), strict=True))) < entries:
        raise MethodError("tracks have two boxes of one identity in one frame")
