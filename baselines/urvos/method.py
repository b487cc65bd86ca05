"""URVOS as a ``Method``: a sentence to masks."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from baselines.layers.inputs.resize import resize
from baselines.urvos import inference
from baselines.urvos.checkpoint import load as load_checkpoint
from baselines.urvos.config import SIZES
from baselines.urvos.inference import FRAMES_AT_ONCE, PassOptions
from baselines.urvos.model import Frames, Urvos
from baselines.urvos.options import Options
from baselines.urvos.words import word_rows
from mevis_bench.records import MaskPrediction, MethodConfig, Prompt, TextPrompt, Video


class Urvos320:
    """Segmentation of a video's prompts with one network; frames are resized to a square."""

    def __init__(self, model: Urvos, config: MethodConfig[Options]) -> None:
        self.model, self.device = model, config.device
        self.side, self.words, self.kept = config.options.side, config.options.words, config.options.kept
        self.passes = pass_options(config.options)

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Yield one prediction per prompt; text-independent features of ``kept`` frames are computed once."""
        clip = SquareVideo(self.model, video, self.side, self.kept, self.device)
        for prompt in prompts:
            yield self.segment(clip, prompt)

    @torch.inference_mode()
    def segment(self, clip: "SquareVideo", prompt: Prompt) -> MaskPrediction:
        """Segment the object of one prompt."""
        assert isinstance(prompt, TextPrompt)
        sentence = self.model.encode_text(word_rows(prompt.text, self.words).to(self.device))
        soft, score = inference.segment(self.model, clip, sentence, self.passes)
        return MaskPrediction(scaled_masks(soft, clip.video.height, clip.video.width), target_score=score)

    def close(self) -> None:
        """No-op."""


class SquareVideo:
    """A video resized to a square; the features of its first frames stay in memory."""

    def __init__(self, model: Urvos, video: Video, side: int, kept: int, device: str) -> None:
        self.model, self.video, self.device = model, video, device
        squares = [resize(frame, (side, side)) for frame in video.frames()]
        self.frames = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2)
        self.kept = kept
        self._known: dict[int, Frames] = {}

    def __len__(self) -> int:
        return len(self.frames)

    def image(self, index: int) -> Tensor:
        """RGB ``(1, 3, side, side)`` in 0..1."""
        return self._images(index, index + 1)

    def encoded(self, first: int, stop: int) -> Frames:
        """Frames of one block of 8, encoded; a block inside the first ``kept`` frames is encoded once."""
        block = first // FRAMES_AT_ONCE
        begin = block * FRAMES_AT_ONCE
        end = min(begin + FRAMES_AT_ONCE, len(self))
        if end > self.kept:
            return self.model.encode_frames(self._images(first, stop))
        if block not in self._known:
            self._known[block] = self.model.encode_frames(self._images(begin, end))
        return self._known[block].at(slice(first - begin, stop - begin))

    def _images(self, first: int, stop: int) -> Tensor:
        return self.frames[first:stop].to(self.device).float() / 255


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


def load(config: MethodConfig[Options]) -> Urvos320:
    """Build URVOS with trained weights, or with seeded random ones.

    Raises:
        DataError: The weights file is not this method's.
        UsageError: An option has an invalid value.
    """
    if config.weights is None:
        torch.manual_seed(config.seed)
    network_config = SIZES[config.options.size]
    model = Urvos(network_config, scaled=config.options.scaled, masked=config.options.masked)
    if config.weights is not None:
        model.load_state_dict(load_checkpoint(config.weights["model"], network_config))
    return Urvos320(model.eval().to(config.device), config)
