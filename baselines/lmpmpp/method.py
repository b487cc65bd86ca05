"""LMPM++ as a method of the benchmark.

A video longer than ``window`` frames is predicted window by window, each on its own; the language model reads the
objects of every ``stride``-th frame of a window. The default window of 200 frames with 20 queries gives 4,000 object
tokens, which the paper shows to be possible. Axes: t frames, h and w rows and columns at stride 4.
"""

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from baselines.layers.checkpoints.checkpoint_file import read_tensors
from baselines.layers.checkpoints.roberta_checkpoint import load_roberta
from baselines.layers.inference.video_chunks import video_chunks
from baselines.layers.nn.imagebind_audio import ImageBindAudio
from baselines.layers.nn.text_encoder import build_roberta, open_tokenizer
from baselines.lmpmpp.checkpoint import load_imagebind, load_llama, load_trained
from baselines.lmpmpp.config import SIZES
from baselines.lmpmpp.encoders import PromptEncoders
from baselines.lmpmpp.extractor import FrameFeatures, resize_frames
from baselines.lmpmpp.model import EncodedPrompt, LMPMpp
from baselines.lmpmpp.options import Options
from baselines.lmpmpp.postprocess import full_size_masks, target_score
from baselines.lmpmpp.prompt import PromptTokens
from mevis_bench.records import (
    MaskPrediction,
    Method,
    MethodConfig,
    Prompt,
    SpeechPrompt,
    TextPrompt,
    UsageError,
    Video,
)

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def load(config: MethodConfig[Options]) -> Method:
    """Load a variant: the paper's LMPM++, or the mini stand-in (``mini/method.py``).

    Raises:
        UsageError: An option has an invalid value.
        DataError: A weights file is invalid.
    """
    if config.options.size == "mini":
        from baselines.lmpmpp.mini.method import load as load_mini

        return load_mini(config)
    return load_paper(config)


def load_paper(config: MethodConfig[Options]) -> "LMPMppMethod":
    """Load the paper's LMPM++; without weights it is randomly initialized from ``config.seed``.

    Raises:
        UsageError: An option has an invalid value.
        DataError: A weights file is invalid.
    """
    options, model_config = config.options, SIZES[config.options.size]
    dtype, files, language = PRECISIONS[options.precision], config.weights, model_config.language
    torch.manual_seed(config.seed)
    roberta, imagebind = build_roberta(model_config.text), ImageBindAudio(model_config.audio)
    if files is None:
        model = LMPMpp(model_config, dtype=dtype)
        model.language.add_adapters()
        tokenizer = open_tokenizer(None)
    else:
        prompt = PromptTokens.from_llama(files["llama_tokenizer"], language.vocabulary, language.max_objects)
        model = LMPMpp(model_config, prompt, init_weights=False)
        load_llama(model, read_tensors(files["llama"]), files["llama"])
        model.language.add_adapters()
        load_trained(model, files["model"])
        load_roberta(roberta, files["roberta"])
        load_imagebind(imagebind, files["imagebind"])
        tokenizer = open_tokenizer(files["roberta_tokenizer"])
    model.language.llama.to(dtype)
    model.language.llama_head.to(dtype)
    encoders = PromptEncoders(roberta, tokenizer, imagebind).to(config.device)
    return LMPMppMethod(model.to(config.device).eval(), encoders, config.device, dtype, options.window, options.stride)


class LMPMppMethod:
    """The paper's LMPM++, loaded."""

    def __init__(
        self, model: LMPMpp, encoders: PromptEncoders, device: str, dtype: torch.dtype, window: int, stride: int
    ) -> None:
        self.model, self.encoders, self.device = model, encoders, device
        self.dtype, self.window, self.stride = dtype, window, stride

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Encode every window once and run all prompts on it.

        Over the windows of a long video, masks are concatenated and the highest target score counts. ``objects`` is
        ``None`` then, because nothing links the <SEG> tokens of two windows.
        """
        shape = (len(prompts), len(video), video.height, video.width)
        masks, scores = np.zeros(shape, np.bool_), np.zeros(len(prompts))
        objects: list[tuple[NDArray[np.bool_], ...] | None] = [None] * len(prompts)
        with torch.inference_mode(), self._autocast():
            encoded = [self._encode_prompt(prompt) for prompt in prompts]
            for first in range(0, len(video), self.window):
                frames = range(first, min(first + self.window, len(video)))
                features = self._encode_frames(video, frames)
                for index, prompt in enumerate(encoded):
                    outputs = self.model.generate(features, prompt, self.stride)
                    window_masks = [
                        full_size_masks(logits.float(), video.height, video.width).cpu().numpy()
                        for logits in outputs.mask_logits
                    ]
                    for mask in window_masks:
                        masks[index, frames.start : frames.stop] |= mask
                    numerals = self.model.language.numeral_logits(outputs.logits[0])
                    scores[index] = max(scores[index], float(target_score(numerals.float())))
                    objects[index] = tuple(window_masks) if len(frames) == len(video) else None
        for index in range(len(prompts)):
            yield MaskPrediction(masks[index], objects[index], float(scores[index]))

    def close(self) -> None:
        """Release the model's memory."""
        del self.model, self.encoders

    def _encode_frames(self, video: Video, frames: range) -> FrameFeatures:
        config = self.model.config.extractor
        chunks = video_chunks(video, self.device, frames)
        return FrameFeatures.concatenate([self.model.encode_frames(resize_frames(chunk, config)) for chunk in chunks])

    def _encode_prompt(self, prompt: Prompt) -> EncodedPrompt:
        if isinstance(prompt, SpeechPrompt):
            return self.encoders.encode_speech(prompt.audio)
        if isinstance(prompt, TextPrompt):
            return self.encoders.encode_text(prompt.text)
        raise UsageError(f"lmpmpp does not support prompts of type {type(prompt).__name__}", location=prompt.id)

    def _autocast(self) -> contextlib.AbstractContextManager[object]:
        if self.dtype is torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(torch.device(self.device).type, dtype=self.dtype)
