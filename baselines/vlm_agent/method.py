"""The agent as a ``Method``: a vision-language model names the targets, SAM 3 tracks them, the model judges each one.

The steps are those of the systems that won MeViS's challenges in 2026 without training, which ask larger models (He et
al., first of MeViS-Text at PVUW 2026, arXiv:2604.00404). Closed questions are answered by the probabilities of "Yes"
and "No", so no answer has to be parsed; only the phrase is free text.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from baselines.layers.inference.caption_view import sample_frames
from baselines.layers.inference.object_masks import ObjectMasks
from baselines.layers.inference.sam3_tracking import Sam3Tracker, open_sam3
from baselines.layers.inference.vision_language import (
    VisionLanguageModel,
    open_vision_language,
)
from baselines.layers.inputs.marks import MarkStyle, mark_frames
from baselines.layers.inputs.noun_phrase import noun_phrase
from baselines.vlm_agent.options import Options
from mevis_bench.records import MaskPrediction, MethodConfig, Prompt, TextPrompt, Video

EXISTENCE = 'Is there anything in the video that matches the description "{sentence}"? Answer Yes or No.'
PHRASE = (
    'Which kind of object does "{sentence}" describe? Answer with a short noun phrase of appearance, without motion.'
    "{tried}"
)
TRIED = " Not: {phrases}."
JUDGEMENT = 'Does the marked object match the description "{sentence}"? Answer Yes or No.'

LONGEST_PHRASE = 8
"""Words; a longer answer is no noun phrase."""


class Agent:
    """The loop over questions and tracks.

    Args:
        model: The vision-language model.
        tracker: SAM 3.
        options: Options of the variant.
    """

    def __init__(self, model: VisionLanguageModel, tracker: Sam3Tracker, options: Options) -> None:
        self.model, self.tracker, self.options = model, tracker, options
        self.network, self.tracking_network = model.network, tracker.network  # counted by the harness
        red, green, blue = options.color
        self.style = MarkStyle(options.mark, (red, green, blue), options.alpha, options.line)

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Yield one prediction per expression, objects kept apart.

        Raises:
            TypeError: A prompt is not a sentence.
        """
        frames: NDArray[np.uint8] | None = None
        indices = sample_frames(len(video), self.options.frames)
        for prompt in prompts:
            if not isinstance(prompt, TextPrompt):
                raise TypeError(f"the agent requires sentences, got {type(prompt).__name__}")
            if frames is None:
                frames = np.stack([video.frame(index) for index in indices])
            yield self._answer(video, frames, indices, prompt.text)

    def close(self) -> None:
        """No-op."""

    def _answer(self, video: Video, frames: NDArray[np.uint8], indices: Sequence[int], sentence: str) -> MaskPrediction:
        options = self.options
        exists = self._probability(video, frames, indices, EXISTENCE.format(sentence=sentence))
        nothing = ObjectMasks(video)
        if exists < max(options.existence_threshold, options.target_threshold):
            return nothing.prediction(exists, options.target_threshold)
        best, tried = 0.0, list[str]()
        for _ in range(options.rounds):
            phrase = self._phrase(video, frames, indices, sentence, tried)
            if phrase in tried:
                break
            tried.append(phrase)
            (track,) = self.tracker.track(video, [phrase])
            question = JUDGEMENT.format(sentence=sentence)
            accepted = []
            for identity in track.masks.identities():
                marked = mark_frames(frames, track.masks.of(identity)[None, list(indices)], self.style)
                probability = self._probability(video, marked, indices, question)
                best = max(best, probability)
                if probability >= options.accept_threshold:
                    accepted.append(identity)
            if accepted:
                return track.masks.prediction(min(exists, best), options.target_threshold, accepted)
        return nothing.prediction(min(exists, best), options.target_threshold)

    def _probability(self, video: Video, frames: NDArray[np.uint8], indices: Sequence[int], question: str) -> float:
        """Return the probability of "Yes" as the answer to a closed question."""
        inputs = self._inputs(video, frames, indices, question)
        return self.model.preference(inputs, ("Yes", "No"))[0]

    def _phrase(
        self, video: Video, frames: NDArray[np.uint8], indices: Sequence[int], sentence: str, tried: Sequence[str]
    ) -> str:
        """Generate a noun phrase; an answer that is none is replaced by the sentence's own."""
        others = TRIED.format(phrases=", ".join(tried)) if tried else ""
        inputs = self._inputs(video, frames, indices, PHRASE.format(sentence=sentence, tried=others))
        return usable_phrase(self.model.answer(inputs, self.options.max_new_tokens), sentence)

    def _inputs(
        self, video: Video, frames: NDArray[np.uint8], indices: Sequence[int], question: str
    ) -> dict[str, Tensor]:
        times = [index / self.options.fps for index in indices]
        return self.model.inputs(frames, times, len(video) / self.options.fps, question)


def usable_phrase(answer: str, sentence: str) -> str:
    """Return an answer's first line as a phrase, in lower case and without signs around it.

    One without words, or with more than `LONGEST_PHRASE`, is replaced by the noun phrase of the sentence.
    """
    lines = answer.strip().splitlines()
    phrase = lines[0].strip(" .,:;!?\"'`*").lower() if lines else ""
    is_phrase = any(letter.isalnum() for letter in phrase) and len(phrase.split()) <= LONGEST_PHRASE
    return phrase if is_phrase else noun_phrase(sentence)


def load(config: MethodConfig[Options]) -> Agent:
    """Load both networks from folders of weights, or build them with seeded random ones.

    Raises:
        DataError: A folder is not the network's.
        MethodError: The device has too little memory.
    """
    options, weights, seed, device = config.options, config.weights, config.seed, config.device
    model = open_vision_language("qwen3_vl", None if weights is None else weights["model"], options, seed, device)
    tracker = open_sam3(None if weights is None else weights["tracker"], options.size, seed, options, device)
    return Agent(model, tracker, options)
