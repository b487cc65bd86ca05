"""``--perturb``: frames given to a method in another way, so that anyone can ask whether it uses motion.

The method is told nothing. Its answers are put back to the video's own frames, so they are scored as ever.
"""

import hashlib
import re
from dataclasses import replace
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import (
    CaptionPrediction,
    MaskPrediction,
    Prediction,
    Prompt,
    SpeechPrompt,
    TargetMasks,
    TextPrompt,
    TrackPrediction,
    UsageError,
    Video,
)

NONE = "none"


def frame_order(perturb: str, video_id: str, length: int, seed: int) -> NDArray[np.int64]:
    """Return which of the video's frames the method is shown, in the order shown.

    Args:
        perturb: ``none``; ``shuffle``: a random order, the same for every run of one seed; ``reverse``: back to front;
            ``static``: the middle frame, as often as the video is long; ``every-K``: frames 0, K, 2K, ...
        video_id: The video; another one is shuffled in another way.
        length: Number of frames.
        seed: Seed of the run.

    Raises:
        UsageError: ``perturb`` is none of these.
    """
    indices = np.arange(length, dtype=np.int64)
    if perturb == NONE:
        return indices
    if perturb == "reverse":
        return indices[::-1].copy()
    if perturb == "static":
        return np.full(length, length // 2, np.int64)
    if perturb == "shuffle":
        digest = hashlib.sha256(f"{seed}/{video_id}".encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:8])).permutation(indices)
    check_perturbation(perturb)
    return indices[:: int(perturb.removeprefix("every-"))]


def check_perturbation(perturb: str) -> None:
    """Raise ``UsageError`` unless ``frame_order`` knows the name."""
    if perturb not in (NONE, "shuffle", "reverse", "static") and not re.fullmatch(r"every-[1-9][0-9]*", perturb):
        hint = "Known: none, shuffle, reverse, static, every-2 (or any other number)"
        raise UsageError(f"'{perturb}' is no perturbation", location="--perturb", hint=hint)


def perturbed_video(video: Video, order: NDArray[np.int64]) -> Video:
    """Return the video whose frame ``i`` is the given one's frame ``order[i]``."""
    return replace(
        video,
        frame_names=tuple(video.frame_names[index] for index in order),
        frame_paths=tuple(video.frame_paths[index] for index in order),
    )


def perturbed_prompt(prompt: Prompt, order: NDArray[np.int64]) -> Prompt:
    """Return a prompt that speaks of the perturbed video: masks follow their frames."""
    match prompt:
        case TargetMasks():
            return replace(prompt, objects=tuple(tuple(masks[index] for index in order) for masks in prompt.objects))
        case TextPrompt() | SpeechPrompt():
            return prompt
        case _:
            assert_never(prompt)


def answering_frames(order: NDArray[np.int64], length: int) -> NDArray[np.int64] | None:
    """Return for every frame of the video which shown frame answers for it; ``None``: each answers for itself.

    Where a frame was not shown, the answer of the last shown one before it stands (``every-K``); where one frame was
    shown ``length`` times (``static``), the answers stay in the order they were given in.
    """
    if len(order) == length and len(set(order.tolist())) < length:
        return None
    source = np.full(length, -1, np.int64)
    source[order] = np.arange(len(order))
    # Frame 0 is always shown, so the running maximum of what was shown fills every gap from before.
    source = source if (source >= 0).all() else np.maximum.accumulate(source)
    return None if np.array_equal(source, np.arange(length)) else source


def put_back(prediction: Prediction, source: NDArray[np.int64] | None) -> Prediction:
    """Return the answer about the perturbed video as one about the video itself; ``source``: its answering frames."""
    if source is None:
        return prediction
    match prediction:
        case MaskPrediction():
            objects = prediction.objects
            return MaskPrediction(
                prediction.masks[source],
                None if objects is None else tuple(masks[source] for masks in objects),
                prediction.target_score,
            )
        case TrackPrediction():
            picks = [np.flatnonzero(prediction.frames == shown) for shown in source]
            rows = np.concatenate(picks) if picks else np.empty(0, np.int64)
            frames = np.repeat(np.arange(len(source), dtype=np.int64), [len(pick) for pick in picks])
            return TrackPrediction(frames, prediction.ids[rows], prediction.boxes[rows])
        case CaptionPrediction():
            return prediction
        case _:
            assert_never(prediction)
