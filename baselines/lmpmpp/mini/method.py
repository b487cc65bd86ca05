"""The mini variants behind the benchmark's ``predict``."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from baselines.layers.method_options import require
from baselines.lmpmpp.mini.checkpoint import load_mini, untrained_mini
from baselines.lmpmpp.mini.model import EncodedVideo, MiniLMPMpp, Reply
from baselines.lmpmpp.mini.sentence_encoder import WordTokenizer
from baselines.lmpmpp.mini.speech_encoder import pad, speech_bands
from baselines.lmpmpp.postprocess import full_size_masks
from mevis_bench.records import (
    DataError,
    MaskPrediction,
    MethodConfig,
    Prompt,
    SpeechPrompt,
    TextPrompt,
    TrackPrediction,
    UsageError,
    Video,
)

FRAMES_PER_CHUNK = 8
"""Frames that are decoded and encoded at a time; the result does not depend on it."""

PROMPTS_PER_BATCH = 32

ANSWERS = ("language", "matcher")
"""Who answers: the language model, or the matcher it was started from (row (i) of the paper's Table 4)."""

SHOWS = ("masks", "boxes")
"""What is answered: masks, or boxes of the detection head (LMPM++_det)."""


def load(setup: MethodConfig) -> "MiniMethod":
    """Load a variant; without weights the model is random, from ``setup.seed``.

    Raises:
        UsageError: An option has a value it can't have.
        DataError: The weights are not this method's, or speech is to be heard and they never learned to.
    """
    answers, shows = setup.options["answers"], setup.options["shows"]
    require("answers", answers, answers in ANSWERS, " or ".join(ANSWERS))
    require("shows", shows, shows in SHOWS, " or ".join(SHOWS))
    model, tokenizer = untrained_mini(setup.seed) if setup.weights is None else load_mini(setup.weights["model"])
    if setup.task == "avos" and not model.supports_speech:
        raise DataError(
            "these weights were trained without speech",
            location=str(setup.weights["model"]),
            hint="Train on a split that speaks, or let it be written down: --bridge speech_to_text.",
        )
    return MiniMethod(
        model.to(setup.device).eval(), tokenizer, setup.device, matching=answers == "matcher", boxes=shows == "boxes"
    )


class MiniMethod:
    """A loaded mini variant."""

    def __init__(
        self, model: MiniLMPMpp, tokenizer: WordTokenizer, device: str, *, matching: bool = False, boxes: bool = False
    ) -> None:
        self.model, self.tokenizer, self.device = model, tokenizer, device
        self.boxes = boxes
        self._reply = model.match if matching else model.answer

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction | TrackPrediction]:
        """Encode the video once, then answer the prompts in batches."""
        modality = "audio" if isinstance(prompts[0], SpeechPrompt) else "text"
        encoded = self.model.encode_video(self._chunks(video), modality)
        for first in range(0, len(prompts), PROMPTS_PER_BATCH):
            for reply in self._reply(encoded, self._features(prompts[first : first + PROMPTS_PER_BATCH])):
                yield self._tracks(reply, encoded, video) if self.boxes else masks_of(reply, video)

    def close(self) -> None:
        """Give back the model's memory."""
        del self.model, self._reply

    def _chunks(self, video: Video) -> Iterator[Tensor]:
        for first in range(0, len(video), FRAMES_PER_CHUNK):
            frames = [video.frame(i) for i in range(first, min(first + FRAMES_PER_CHUNK, len(video)))]
            yield torch.from_numpy(np.stack(frames)).to(self.device)

    @torch.inference_mode()
    def _features(self, prompts: Sequence[Prompt]) -> Tensor:
        """Features ``(n, c)`` of n sentences, read or heard; one at a time where heard, so that none sees another."""
        if isinstance(prompts[0], SpeechPrompt):
            utterances = [pad([speech_bands(prompt.audio)]) for prompt in prompts]
            heard = [self.model.speech(bands.to(self.device), lengths) for bands, lengths in utterances]
            return torch.cat(heard)
        for prompt in prompts:
            if not isinstance(prompt, TextPrompt):
                raise UsageError(f"lmpmpp can't be asked by {type(prompt).__name__}", location=prompt.id)
        return self.model.sentences(self.tokenizer([prompt.text for prompt in prompts]).to(self.device))

    def _tracks(self, reply: Reply, encoded: EncodedVideo, video: Video) -> TrackPrediction:
        """One track per <SEG>: boxes of the detection head wherever its object is seen."""
        scale = np.array([video.width, video.height, video.width, video.height], dtype=np.float64)
        tracks = reply.tracks.tolist()
        boxes = [self.model.detect(encoded, track).double().cpu().numpy().clip(0, 1) * scale for track in tracks]
        return TrackPrediction.from_boxes(
            boxes, [encoded.trajectories.present[track].cpu().numpy() for track in tracks]
        )


def masks_of(reply: Reply, video: Video) -> MaskPrediction:
    """Turn <SEG> masks into the video's own size; their union is the answer, nothing where N_o = 0."""
    objects = tuple(full_size_masks(logits, video.height, video.width).cpu().numpy() for logits in reply.mask_logits)
    if len(objects) == 1:
        return MaskPrediction(objects[0], objects, reply.target_score)
    masks = np.zeros((len(video), video.height, video.width), dtype=np.bool_)
    for mask in objects:
        masks |= mask
    return MaskPrediction(masks, objects, reply.target_score)
