"""LMPM++ behind the benchmark's ``predict``."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from baselines.layers.method_options import require
from baselines.lmpmpp.checkpoint import load_mini, untrained_mini
from baselines.lmpmpp.model import EncodedVideo, LMPMpp, Reply, full_size_masks
from baselines.lmpmpp.sentence_encoder import WordTokenizer
from mevis_bench.records import MaskPrediction, MethodSetup, Prompt, TextPrompt, UsageError, Video

FRAMES_PER_CHUNK = 8
"""Frames that are decoded and encoded at a time; the result does not depend on it."""

SENTENCES_PER_BATCH = 32

ANSWERS = ("language", "matcher")
"""Who answers: the language model, or the matcher it was started from (row (i) of the paper's Table 4)."""


def load(setup: MethodSetup) -> "LMPMppMethod":
    """Load a variant; without weights the model is random, from ``setup.seed``.

    Raises:
        UsageError: An option has a value it can't have.
        DataError: The weights are not this method's.
    """
    answers = setup.options["answers"]
    require("answers", answers, answers in ANSWERS, " or ".join(ANSWERS))
    model, tokenizer = untrained_mini(setup.seed) if setup.weights is None else load_mini(setup.weights["model"])
    return LMPMppMethod(model.to(setup.device).eval(), tokenizer, setup.device, answers == "matcher")


class LMPMppMethod:
    """A loaded LMPM++."""

    def __init__(self, model: LMPMpp, tokenizer: WordTokenizer, device: str, matching: bool = False) -> None:
        self.model, self.tokenizer, self.device = model, tokenizer, device
        self._reply = model.match if matching else model.answer

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Encode the video once, then answer the prompts in batches."""
        encoded = self.model.encode_video(self._chunks(video))
        for first in range(0, len(prompts), SENTENCES_PER_BATCH):
            batch = prompts[first : first + SENTENCES_PER_BATCH]
            for reply in self._reply(encoded, self._features(batch)):
                yield prediction(reply, encoded, video)

    def close(self) -> None:
        """Give back the model's memory."""
        del self.model, self._reply

    def _chunks(self, video: Video) -> Iterator[Tensor]:
        for first in range(0, len(video), FRAMES_PER_CHUNK):
            frames = [video.frame(i) for i in range(first, min(first + FRAMES_PER_CHUNK, len(video)))]
            yield torch.from_numpy(np.stack(frames)).to(self.device)

    @torch.inference_mode()
    def _features(self, prompts: Sequence[Prompt]) -> Tensor:
        sentences = []
        for prompt in prompts:
            if not isinstance(prompt, TextPrompt):
                raise UsageError(f"lmpmpp can't be asked by {type(prompt).__name__}", where=prompt.id)
            sentences.append(prompt.text)
        return self.model.sentences(self.tokenizer(sentences).to(self.device))


def prediction(reply: Reply, encoded: EncodedVideo, video: Video) -> MaskPrediction:
    """Turn <SEG> masks into the video's own size; their union is the answer, nothing where N_o = 0."""
    objects = tuple(full_size_masks(logits, video.height, video.width).cpu().numpy() for logits in reply.mask_logits)
    masks = np.zeros((len(video), video.height, video.width), dtype=np.bool_)
    for mask in objects:
        masks |= mask
    return MaskPrediction(masks, objects, reply.target_score)
