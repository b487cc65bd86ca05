"""A complete small method: what is far from the frame's mean color is the prediction for every prompt."""

from collections.abc import Iterator, Sequence

import numpy as np

from mevis_bench.records import MaskPrediction, MethodConfig, Prediction, Prompt, TextPrompt, Video

from .options import Options


class Skeleton:
    """Keep the network as an attribute: the cost table counts its parameters."""

    def __init__(self, contrast: float) -> None:
        self.contrast = contrast

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[Prediction]:
        """Yield one prediction per prompt, in order, each as soon as it is known."""
        # What does not depend on the prompt is computed once per video; frames are decoded one by one.
        masks = np.empty((len(video), video.height, video.width), bool)
        for index, frame in enumerate(video.frames()):
            distance = np.abs(frame - frame.mean(axis=(0, 1))).sum(axis=2)
            masks[index] = distance > distance.mean() + self.contrast * distance.std()
        for prompt in prompts:
            assert isinstance(prompt, TextPrompt)
            nothing = not prompt.text
            yield MaskPrediction(masks & (not nothing))

    def close(self) -> None:
        """Release resources. No-op."""


def load(config: MethodConfig[Options]) -> Skeleton:
    """Make the method.

    ``config.weights`` has the local files by their name in method.yaml; it is ``None`` where seeded random weights are
    requested (``--weights untrained``). ``config.options`` are the variant's, ``config.device`` is where to compute.
    """
    return Skeleton(config.options.contrast)
