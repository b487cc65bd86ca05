"""``--perturb``: other frames or other words, to test whether a method uses motion, or reads its prompts.

The method does not know. Its predictions are mapped back to the video's own frames and scored as usual.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from mevis_bench.methods.prediction_checks import validate_prediction
from mevis_bench.methods.prompt_sequence import PromptSequence
from mevis_bench.records import (
    CaptionPrediction,
    MaskPrediction,
    Method,
    PointPrediction,
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

WORDS = "words"
"""Every prompt is replaced by that of another expression of its video; frames stay as they are."""


def frame_order(perturb: str, video_id: str, length: int, seed: int) -> NDArray[np.int64]:
    """Return the indices of the frames that the method gets, int64 ``(n,)``, in its order.

    Args:
        perturb: A name that ``check_perturbation`` accepts. ``none``, ``words``: all, in order; ``shuffle``: a random
            order, the same in every run with this seed; ``reverse``: last frame first; ``static``: the middle frame,
            repeated to the video's length; ``every-K``: frames 0, K, 2K, ...
        video_id: The video; every video has its own order.
        length: Number of frames of the video.
        seed: Seed of the run.
    """
    indices = np.arange(length, dtype=np.int64)
    if perturb in (NONE, WORDS):
        return indices
    if perturb == "reverse":
        return indices[::-1].copy()
    if perturb == "static":
        return np.full(length, length // 2, np.int64)
    if perturb == "shuffle":
        return _generator(video_id, seed).permutation(indices)
    return indices[:: int(perturb.removeprefix("every-"))]


def check_perturbation(perturb: str, prompt_type: type[Prompt]) -> None:
    """Raise ``UsageError`` unless the name is known and prompts of this type can be perturbed so."""
    if perturb == WORDS and prompt_type is TargetMasks:
        hint = "Use it with rvos, avos or rmot."
        raise UsageError("the prompts of this task have no words", location="--perturb words", hint=hint)
    if perturb not in (NONE, WORDS, "shuffle", "reverse", "static") and not re.fullmatch(r"every-[1-9][0-9]*", perturb):
        hint = "Known: none, words, shuffle, reverse, static, every-2 (or any other number)"
        raise UsageError(f"unknown perturbation '{perturb}'", location="--perturb", hint=hint)


def other_expressions(expression_ids: Sequence[str], video_id: str, seed: int) -> Mapping[str, str]:
    """Return for every expression of a video another one, whose prompt it gets (``words``).

    A rotation of a random order: every expression is used once, and none is its own replacement unless it is the
    video's only one.

    Args:
        expression_ids: All expressions of the task, so that the replacement does not depend on what is left to predict.
        video_id: The video; every video has its own order.
        seed: Seed of the run.
    """
    order = [expression_ids[index] for index in _generator(video_id, seed).permutation(len(expression_ids))]
    return dict(zip(order, order[1:] + order[:1], strict=True))


def _generator(video_id: str, seed: int) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}/{video_id}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8]))


def perturbed_video(video: Video, order: NDArray[np.int64]) -> Video:
    """Return the video whose frame ``i`` is the given one's frame ``order[i]``."""
    return replace(
        video,
        frame_names=tuple(video.frame_names[index] for index in order),
        frame_paths=tuple(video.frame_paths[index] for index in order),
    )


def perturbed_prompt(prompt: Prompt, order: NDArray[np.int64]) -> Prompt:
    """Return the prompt for the perturbed video: target masks move with their frames."""
    match prompt:
        case TargetMasks():
            return replace(prompt, objects=tuple(tuple(target[index] for index in order) for target in prompt.objects))
        case TextPrompt() | SpeechPrompt():
            return prompt
        case _:
            assert_never(prompt)


def inverse_frame_map(order: NDArray[np.int64], length: int) -> NDArray[np.int64] | None:
    """Return, for every frame of the video, the perturbed frame whose prediction it takes.

    A frame that was left out (``every-K``) takes the prediction of the last one before it that was not. Where one frame
    was repeated (``static``), predictions stay in their order.

    Args:
        order: Frames that the method got (``frame_order``), ``(n,)``.
        length: Number of frames of the video.

    Returns:
        int64 ``(length,)``; ``None``: the identity.
    """
    if len(order) == length and len(set(order.tolist())) < length:
        return None
    source = np.full(length, -1, np.int64)
    source[order] = np.arange(len(order))
    # Frame 0 is never left out, so the running maximum fills every gap from before.
    source = source if (source >= 0).all() else np.maximum.accumulate(source)
    return None if np.array_equal(source, np.arange(length)) else source


def unpermute(prediction: Prediction, frame_map: NDArray[np.int64] | None) -> Prediction:
    """Return a prediction for the perturbed video as one for the video itself (``frame_map``: inverse_frame_map)."""
    if frame_map is None:
        return prediction
    match prediction:
        case MaskPrediction():
            objects, candidates = prediction.objects, prediction.candidates
            return MaskPrediction(
                prediction.masks[frame_map],
                None if objects is None else tuple(masks[frame_map] for masks in objects),
                prediction.target_score,
                None if candidates is None else tuple((masks[frame_map], score) for masks, score in candidates),
            )
        case TrackPrediction():
            frames, rows = _unpermuted_entries(prediction.frames, frame_map)
            return TrackPrediction(frames, prediction.ids[rows], prediction.boxes[rows])
        case PointPrediction():
            frames, rows = _unpermuted_entries(prediction.frames, frame_map)
            return replace(prediction, frames=frames, ids=prediction.ids[rows], points=prediction.points[rows])
        case CaptionPrediction():
            return prediction
        case _:
            assert_never(prediction)


def _unpermuted_entries(
    frames: NDArray[np.int64], frame_map: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the frames ``(n,)`` of boxes or points in the video itself, and the entries that they are."""
    entries = [np.flatnonzero(frames == source) for source in frame_map]
    rows = np.concatenate(entries) if entries else np.empty(0, np.int64)
    return np.repeat(np.arange(len(frame_map), dtype=np.int64), [len(entry) for entry in entries]), rows


class PerturbedMethod:
    """A method that gets perturbed videos (``records.Method``)."""

    def __init__(self, inner: Method, task: str, perturb: str, seed: int) -> None:
        """Wrap a method.

        Args:
            inner: The method.
            task: Task of its predictions.
            perturb: See ``frame_order``.
            seed: Seed of the run.
        """
        self.inner = inner
        self._task, self._perturb, self._seed = task, perturb, seed

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[Prediction]:
        """Yield the inner method's predictions, mapped back to the frames of ``video``.

        Raises:
            MethodError: A prediction does not fit the perturbed video.
        """
        order = frame_order(self._perturb, video.id, len(video), self._seed)
        frame_map = inverse_frame_map(order, len(video))
        perturbed = perturbed_video(video, order)
        sequence = PromptSequence.of(prompts).map(lambda prompt: perturbed_prompt(prompt, order))
        for prediction in self.inner.predict(perturbed, sequence):
            validate_prediction(prediction, self._task, perturbed)
            yield unpermute(prediction, frame_map)

    def close(self) -> None:
        """Close the inner method."""
        self.inner.close()
