"""SAM 3 as a ``Method``: every object of a sentence or of its noun phrase, with identities."""

from collections.abc import Iterator, Sequence

from baselines.layers.inference.sam3_tracking import Sam3Tracker, open_sam3
from baselines.layers.inputs.noun_phrase import noun_phrase
from baselines.sam3_video.options import Options
from mevis_bench.records import MaskPrediction, MethodConfig, Prompt, TextPrompt, Video


class Sam3Video:
    """SAM 3, given each expression.

    Args:
        tracker: SAM 3.
        options: Options of the variant.
    """

    def __init__(self, tracker: Sam3Tracker, options: Options) -> None:
        self.tracker, self.options = tracker, options
        self.network = tracker.network  # the harness counts the parameters of this attribute

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Yield one prediction per expression, objects kept apart; its score is the best detection's.

        Raises:
            TypeError: A prompt is not a sentence.
        """
        for track in self.tracker.track(video, [self._phrase(prompt) for prompt in prompts]):
            yield track.masks.prediction(max(track.scores.values(), default=0.0), self.options.target_threshold)

    def reduce_memory(self) -> bool:
        """Halve the expressions that are tracked together; ``False`` if it is one."""
        return self.tracker.reduce_memory()

    def close(self) -> None:
        """No-op."""

    def _phrase(self, prompt: Prompt) -> str:
        if not isinstance(prompt, TextPrompt):
            raise TypeError(f"SAM 3 requires sentences, got {type(prompt).__name__}")
        return prompt.text if self.options.phrase == "sentence" else noun_phrase(prompt.text)


def load(config: MethodConfig[Options]) -> Sam3Video:
    """Load SAM 3 from a folder of weights, or build it with seeded random ones.

    Raises:
        DataError: The folder is not SAM 3's.
        MethodError: The device has too little memory.
    """
    folder = None if config.weights is None else config.weights["model"]
    options = config.options
    return Sam3Video(open_sam3(folder, options.size, config.seed, options, config.device), options)
