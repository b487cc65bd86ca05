"""URVOS as a ``Method``: a sentence to masks."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from baselines.layers.inference.clip_segmenter import read_clip
from baselines.layers.inference.prompted_model import ClipStart
from baselines.layers.nn.prepared_maps import ClipInput, select_frames
from baselines.lmpmpp.mini.clip_start import StartClips, inference_start
from baselines.urvos import inference
from baselines.urvos.checkpoint import load as load_checkpoint
from baselines.urvos.config import SIZES
from baselines.urvos.inference import FRAMES_AT_ONCE, PassOptions
from baselines.urvos.model import Frames, Urvos
from baselines.urvos.options import Options
from baselines.urvos.words import word_rows
from mevis_bench.records import MaskPrediction, MethodConfig, Prompt, TextPrompt, Video


class UrvosMethod:
    """Segmentation of a video's prompts with one network.

    Args:
        model: The network.
        options: Of the variant.
        device: Of the network.
        start: Encodes frames for each prompt, before the network; ``None``: the network alone.
    """

    def __init__(self, model: Urvos, options: Options, device: str, start: ClipStart | None) -> None:
        self.model, self.options, self.start = model, options, start
        self.device = torch.device(device)
        self.passes = pass_options(options)

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Yield one prediction per prompt; what does not depend on the prompt is computed once, see ``kept``."""
        size = self.options.input_size(video.height, video.width)
        frames = read_clip(video, range(len(video)), size, self.device)
        clip = EncodedClip(self.model, frames, self.options.kept)
        tracked = None if self.start is None else self.start.track(frames)
        for prompt in prompts:
            if self.start is not None:
                (sentence,) = self.start.read([prompt])
                clip = EncodedClip(self.model, self.start.prompted(tracked, sentence), self.options.kept)
            soft, score = self.segment(clip, prompt)
            yield MaskPrediction(scaled_masks(soft, video.height, video.width), target_score=score)

    @torch.inference_mode()
    def segment(self, clip: "EncodedClip", prompt: Prompt) -> tuple[Tensor, float]:
        """Segment the object of one prompt: probabilities ``(t, h, w)`` at the network's size, and target score."""
        assert isinstance(prompt, TextPrompt)
        sentence = self.model.encode_text(word_rows(prompt.text, self.options.words).to(self.device))
        return inference.segment(self.model, clip, sentence, self.passes)

    def close(self) -> None:
        """No-op."""


class EncodedClip:
    """Normalized frames ``(t, 3, h, w)``, or their maps; the features of the first ``kept`` ones stay in memory."""

    def __init__(self, model: Urvos, frames: ClipInput, kept: int) -> None:
        self.model, self.frames, self.kept = model, frames, kept
        self._known: dict[int, Frames] = {}

    def __len__(self) -> int:
        return len(self.frames)

    def encoded(self, first: int, stop: int) -> Frames:
        """Frames of one block of 8, encoded; a block inside the first ``kept`` frames is encoded once."""
        block = first // FRAMES_AT_ONCE
        begin = block * FRAMES_AT_ONCE
        end = min(begin + FRAMES_AT_ONCE, len(self))
        if end > self.kept:
            return self.model.encode(select_frames(self.frames, slice(first, stop)))
        if block not in self._known:
            self._known[block] = self.model.encode(select_frames(self.frames, slice(begin, end)))
        return self._known[block].at(slice(first - begin, stop - begin))


def scaled_masks(soft: Tensor, height: int, width: int) -> NDArray[np.bool_]:
    """Scale probabilities ``(t, h, w)`` bilinearly to the video's size: bool ``(t, height, width)``, above one half."""
    masks = np.empty((len(soft), height, width), bool)
    for index, frame in enumerate(soft):
        scaled = F.interpolate(frame[None, None], size=(height, width), mode="bilinear", align_corners=False)
        masks[index] = (scaled[0, 0] > 0.5).numpy()
    return masks


def pass_options(options: Options) -> PassOptions:
    """Return what the passes over a video need of a variant's options."""
    return PassOptions(
        anchor=options.anchor,
        memory_every=options.memory_every,
        memory_frames=options.memory_frames,
        stages=options.stages,
        abstain=options.abstain,
    )


def load(config: MethodConfig[Options]) -> UrvosMethod:
    """Build URVOS with trained weights, or with seeded random ones.

    Raises:
        DataError: The weights file is not this method's.
        UsageError: An option has an invalid value.
    """
    if config.weights is None:
        torch.manual_seed(config.seed)
    start = inference_start(config)
    model = build_network(config.options, start)
    if config.weights is not None:
        model.load_state_dict(load_checkpoint(config.weights["model"], model))
    return UrvosMethod(model.eval().to(config.device), config.options, config.device, start)


def build_network(options: Options, start: StartClips | None) -> Urvos:
    """Build the network of a variant, on the common start or with its own encoders, with random weights."""
    backbone = None if start is None else start.backbone()
    return Urvos(SIZES[options.size], backbone, scaled=options.scaled, masked=options.masked)
