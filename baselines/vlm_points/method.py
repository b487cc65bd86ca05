"""A vision-language model as a ``Method`` that answers in points: text of tracks, read by the harness's parser."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from baselines.layers.inference.vision_language import (
    VisionLanguageModel,
    open_vision_language,
)
from baselines.vlm_points.options import Options
from mevis_bench.records import MethodConfig, PointPrediction, Prompt, TextPrompt, Video
from mevis_bench.records.point_answer import parse_points

QUESTION = (
    'Point at every object that matches the description "{sentence}", at the times {times} seconds. Answer only with '
    '<tracks coords="t id x y id x y; t id x y">: for each time t in seconds the number of every such object, the same '
    "at all times, with a point inside of it, x and y from 0 (left, top) to 1000 (right, bottom). "
    "Without such objects, answer None."
)


class Pointer:
    """A model that points at the targets of one sentence at a time.

    Args:
        model: The model.
        options: Options of the variant.
    """

    def __init__(self, model: VisionLanguageModel, options: Options) -> None:
        self.model, self.options = model, options
        self.network = model.network  # the harness counts the parameters of this attribute

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[PointPrediction]:
        """Yield the points of every expression; what is not readable, or beyond the video's end, is left out.

        Raises:
            TypeError: A prompt is not a sentence.
        """
        fps = self.options.fps
        indices = shown_frames(len(video), self.options)
        # The network merges frames in pairs and gives a pair the mean of their times.
        twice = [index for index in indices for _ in range(2)]
        frames: NDArray[np.uint8] | None = None
        for prompt in prompts:
            if not isinstance(prompt, TextPrompt):
                raise TypeError(f"pointing requires sentences, got {type(prompt).__name__}")
            if frames is None:
                frames = np.repeat(np.stack([video.frame(index) for index in indices]), 2, axis=0)
            times = ", ".join(f"{index / fps:.1f}" for index in indices)
            question = QUESTION.format(sentence=prompt.text, times=times)
            inputs = self.model.inputs(frames, [index / fps for index in twice], len(video) / fps, question)
            answer = self.model.answer(inputs, self.options.max_new_tokens)
            read = parse_points(answer, video.width, video.height, fps)
            points = {frame: named for frame, named in read.points.items() if frame < len(video)}
            yield PointPrediction.from_points(points, answer, is_cut=read.is_cut)

    def close(self) -> None:
        """No-op."""


def shown_frames(length: int, options: Options) -> list[int]:
    """Return the indices of the frames that the model is shown, of a video of ``length`` frames."""
    every = range(0, length, options.step)
    places = np.linspace(0, len(every) - 1, min(len(every), options.frames)).round()
    return [every[int(place)] for place in places]


def load(config: MethodConfig[Options]) -> Pointer:
    """Load a model from a folder of weights, or build it with seeded random ones.

    Raises:
        DataError: The folder is not the variant's network.
        MethodError: The device has too little memory.
    """
    options = config.options
    folder = None if config.weights is None else config.weights["model"]
    return Pointer(open_vision_language("qwen3_vl", folder, options, config.seed, config.device), options)
