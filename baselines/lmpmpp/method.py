"""The ``paper`` variant behind the benchmark's ``predict``.

A video longer than ``window`` frames is answered window by window, each on its own; the language model reads the
objects of every ``stride``-th frame of a window. 200 frames of 20 queries are 4,000 object tokens, which is what the
paper shows to be possible, and the default. Axes: t frames, h and w rows and columns at stride 4.
"""

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from baselines.layers.checkpoints.checkpoint_file import read_tensors
from baselines.layers.method_options import require
from baselines.layers.nn.imagebind_audio import ImageBindAudio
from baselines.layers.nn.text_encoder import build_roberta, open_tokenizer
from baselines.lmpmpp.checkpoint import load_imagebind, load_llama, load_roberta, load_trained
from baselines.lmpmpp.config import PAPER, LMPMppConfig
from baselines.lmpmpp.encoders import Encoders
from baselines.lmpmpp.extractor import FrameFeatures, resize_frames
from baselines.lmpmpp.language_model import PromptTokens
from baselines.lmpmpp.model import FRAMES_PER_CHUNK, LMPMpp, LMPMppOutput, Question
from baselines.lmpmpp.postprocess import full_size_masks
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


def load(setup: MethodConfig) -> Method:
    """Load a variant: the paper's sizes, or the mini stand-in (``mini/method.py``).

    Raises:
        UsageError: An option has an invalid value.
        DataError: A file is not what its name says.
    """
    if setup.options["size"] == "mini":
        from baselines.lmpmpp.mini.method import load as load_mini

        return load_mini(setup)
    return load_paper(setup)


def load_paper(setup: MethodConfig, size: LMPMppConfig = PAPER) -> "LMPMppMethod":
    """Load the paper variant; without weights it is random, from ``setup.seed``, Llama in the asked precision.

    Raises:
        UsageError: An option has a value it can't have.
        DataError: A file is not what its name says.
    """
    window, stride, precision = (setup.options[name] for name in ("window", "stride", "precision"))
    require("window", window, type(window) is int and window >= 1, "a number of frames, 1 or more")
    require("stride", stride, type(stride) is int and stride >= 1, "a number of frames, 1 or more")
    require("precision", precision, precision in PRECISIONS, " or ".join(PRECISIONS))
    dtype, files = PRECISIONS[precision], setup.weights
    torch.manual_seed(setup.seed)
    roberta, imagebind = build_roberta(pooler=True), ImageBindAudio()
    if files is None:
        model = LMPMpp(size, dtype=dtype)
        model.language.add_adapters()
        tokenizer = open_tokenizer(None)
    else:
        prompt = PromptTokens.of_llama(files["llama_tokenizer"], size.language.vocabulary, size.language.max_objects)
        model = LMPMpp(size, prompt, filled=False)
        load_llama(model, read_tensors(files["llama"]), files["llama"])
        model.language.add_adapters()
        load_trained(model, files["model"])
        load_roberta(roberta, files["roberta"])
        load_imagebind(imagebind, files["imagebind"])
        tokenizer = open_tokenizer(files["roberta_tokenizer"])
    model.language.llama.to(dtype)
    model.language.llama_head.to(dtype)
    encoders = Encoders(roberta, tokenizer, imagebind)
    return LMPMppMethod(model.to(setup.device).eval(), encoders.to(setup.device), setup.device, dtype, window, stride)


class LMPMppMethod:
    """A loaded LMPM++ in the paper's sizes."""

    def __init__(
        self, model: LMPMpp, encoders: Encoders, device: str, dtype: torch.dtype, window: int, stride: int
    ) -> None:
        self.model, self.encoders, self.device = model, encoders, device
        self.dtype, self.window, self.stride = dtype, window, stride

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Encode every window once, ask all prompts about it; masks of a prompt are joined over the windows."""
        shape = (len(prompts), len(video), video.height, video.width)
        masks, scores = np.zeros(shape, np.bool_), np.zeros(len(prompts))
        objects: list[tuple[np.ndarray, ...] | None] = [None] * len(prompts)
        with torch.inference_mode(), self._autocast():
            questions = [self._question(prompt) for prompt in prompts]
            for first in range(0, len(video), self.window):
                frames = range(first, min(first + self.window, len(video)))
                features = self._encode(video, frames)
                for row, question in enumerate(questions):
                    said = self.model.answer(features, question, self.stride)
                    found = [full_size_masks(m.float(), *shape[2:]).cpu().numpy() for m in said.mask_logits]
                    for mask in found:
                        masks[row, frames.start : frames.stop] |= mask
                    scores[row] = max(scores[row], self._target_score(said))
                    # Only in one window is it known which <SEG> is which object.
                    objects[row] = tuple(found) if len(frames) == len(video) else None
        for row in range(len(prompts)):
            yield MaskPrediction(masks[row], objects[row], float(scores[row]))

    def close(self) -> None:
        """Give back the model's memory."""
        del self.model, self.encoders

    def _encode(self, video: Video, frames: range) -> FrameFeatures:
        parts: list[FrameFeatures] = []
        for start in frames[::FRAMES_PER_CHUNK]:
            chosen = range(start, min(start + FRAMES_PER_CHUNK, frames.stop))
            pixels = torch.from_numpy(np.stack([video.frame(index) for index in chosen])).to(self.device)
            parts.append(self.model.encode_frames(resize_frames(pixels, self.model.size.extractor)))
        levels = [torch.cat(maps) for maps in zip(*(part.levels for part in parts), strict=True)]
        return FrameFeatures(levels, torch.cat([part.mask_features for part in parts]))

    def _question(self, prompt: Prompt) -> Question:
        if isinstance(prompt, SpeechPrompt):
            return self.encoders.encode_speech(prompt.audio)
        if isinstance(prompt, TextPrompt):
            return self.encoders.read(prompt.text)
        raise UsageError(f"lmpmpp can't be asked by {type(prompt).__name__}", location=prompt.id)

    def _target_score(self, said: LMPMppOutput) -> float:
        """1 - p(N_o = 0) among the numerals."""
        numerals: Tensor = said.logits[0, list(self.model.language.prompt.numerals)]
        return 1 - float(numerals.float().softmax(-1)[0])

    def _autocast(self) -> contextlib.AbstractContextManager[object]:
        if self.dtype is torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(torch.device(self.device).type, dtype=self.dtype)
