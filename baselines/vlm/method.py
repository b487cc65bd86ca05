"""Vision-language models as a ``Method``: frames with marked targets to a sentence about them."""

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from baselines.layers.inference.caption_view import sample_frames
from baselines.layers.inference.vision_language import (
    VisionLanguageModel,
    open_vision_language,
)
from baselines.layers.inputs.marks import MarkStyle, mark_frames
from baselines.vlm.options import Options
from mevis_bench.records import CaptionPrediction, MethodConfig, Prompt, TargetMasks, Video


class Describer:
    """A model that generates one sentence per target set.

    Args:
        model: The model.
        options: Options of the variant.
    """

    def __init__(self, model: VisionLanguageModel, options: Options) -> None:
        self.model, self.options = model, options
        self.network = model.network  # the harness counts the parameters of this attribute

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[CaptionPrediction]:
        """Yield one sentence per target set; each set is marked in other pixels, so no work is shared but decoding.

        Raises:
            TypeError: A prompt is not a target set.
        """
        options = self.options
        indices = sample_frames(len(video), options.frames)
        frames: NDArray[np.uint8] | None = None
        red, green, blue = options.color
        style = MarkStyle(options.mark, (red, green, blue), options.alpha, options.line, options.margin)
        for prompt in prompts:
            if not isinstance(prompt, TargetMasks):
                raise TypeError(f"a vision-language model requires target masks, got {type(prompt).__name__}")
            if frames is None:
                frames = np.stack([video.frame(index) for index in indices])
            marked = mark_frames(frames, target_masks(video, prompt, indices), style)
            times = [index / options.fps for index in indices]
            inputs = self.model.inputs(marked, times, len(video) / options.fps, options.instruction)
            yield CaptionPrediction(first_sentence(self.model.answer(inputs, options.max_new_tokens)))

    def close(self) -> None:
        """No-op."""


def target_masks(video: Video, target: TargetMasks, indices: Sequence[int]) -> NDArray[np.bool_]:
    """Decode the targets in some frames: bool ``(n, t, h, w)``.

    Raises:
        DataError: A mask is broken.
    """
    masks = np.zeros((len(target.objects), len(indices), video.height, video.width), bool)
    for number, rles in enumerate(target.objects):
        for place, index in enumerate(indices):
            rle = rles[index]
            if rle is not None:
                masks[number, place] = rle.decode(f"{video.id}/{target.id}, frame {index}")
    return masks


def first_sentence(text: str) -> str:
    """Return the first sentence of an answer, in one line; the whole answer where it has no end of a sentence."""
    line = " ".join(text.split())
    return re.split(r"(?<=[.!?])\s", line, maxsplit=1)[0]


def load(config: MethodConfig[Options]) -> Describer:
    """Load a model from a folder of weights, or build it with seeded random ones.

    Raises:
        DataError: The folder is not the variant's network.
        MethodError: The device has too little memory.
    """
    options = config.options
    folder = None if config.weights is None else config.weights["model"]
    return Describer(open_vision_language(options.family, folder, options, config.seed, config.device), options)
