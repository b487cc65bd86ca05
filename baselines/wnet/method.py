"""WNet as a ``Method``: a spoken sentence in, one mask per frame out."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from baselines.layers.inference.clip_segmenter import ClipModel, ClipSegmenter, ClipSettings
from baselines.layers.inference.prompted_model import ClipStart, PromptedModel
from baselines.layers.inference.query_outputs import upsample_masks
from baselines.layers.inputs.audio_file import read_audio
from baselines.layers.inputs.resize import Size, shortest_edge_truncated
from baselines.layers.nn.prepared_maps import ClipInput, select_frames
from baselines.lmpmpp.mini.clip_start import StartClips, inference_start
from baselines.wnet.checkpoint import read_checkpoint
from baselines.wnet.config import SIZES
from baselines.wnet.mfcc import RATE, speech_features
from baselines.wnet.model import ClipFeatures, WNet
from baselines.wnet.options import Options
from mevis_bench.records import MethodConfig, Prompt, SpeechPrompt

Clip = tuple[ClipFeatures, int]
"""Features of a clip repeated up to the network's clip length, and its number of frames."""


Reader = Callable[[Prompt], Tensor]
"""Encodes a prompt as audio, ``(1, features, steps)``."""


def recording_reader(device: str) -> Reader:
    """Encoder of recordings: MFCC features, ``(1, 39, steps)``."""

    def read(prompt: Prompt) -> Tensor:
        assert isinstance(prompt, SpeechPrompt)
        features = speech_features(read_audio(prompt.audio, RATE))
        return torch.from_numpy(features).T[None].to(device)

    return read


def start_reader(start: ClipStart) -> Reader:
    """Encoder of speech, or of sentences in training, by the common start: their feature is the only step."""
    return lambda prompt: start.read([prompt])[..., None]


class WNetModel:
    """The network with the authors' inference protocol.

    Args:
        network: The network.
        read: Encodes prompts.
    """

    def __init__(self, network: WNet, read: Reader) -> None:
        self.network, self.read = network, read

    def input_size(self, height: int, width: int, short: int) -> Size:
        """Short side given, the long one truncated, without a bound."""
        return shortest_edge_truncated(height, width, short)

    def encode_prompt(self, prompt: Prompt) -> Tensor:
        """Encode the recording, ``(1, features, steps)``.

        Raises:
            TypeError: The prompt is not speech.
        """
        if not isinstance(prompt, SpeechPrompt):
            raise TypeError(f"WNet requires a speech prompt, got {type(prompt).__name__}")
        return self.read(prompt)

    def encode_clip(self, frames: ClipInput) -> Clip:
        """Encode a clip; a short one is repeated up to the network's clip length."""
        indices = torch.arange(self.network.frames) % len(frames)
        return self.network.encode(select_frames(frames, indices)), len(frames)

    def segment(self, clip: Clip, text: Tensor) -> Tensor:
        """Mask logits ``(t, H/4, W/4)`` of the clip, without repeated frames."""
        features, frames = clip
        out: Tensor = self.network(features, text).pred_masks[0, :frames]
        return out

    def postprocess(self, outputs: Sequence[Tensor], size: Size) -> tuple[list[Tensor], None]:
        """Upsample the masks to the video's size; WNet predicts no confidence."""
        return [upsample_masks(logits, size) for logits in outputs], None


def load(config: MethodConfig[Options]) -> ClipSegmenter[Tensor, Clip, Tensor]:
    """Build WNet with the authors' weights, or with seeded random ones.

    Raises:
        DataError: The checkpoint is not this variant's.
        UsageError: An option has an invalid value.
    """
    start = inference_start(config)
    if config.weights is None:
        torch.manual_seed(config.seed)
    network = build_network(config.options, start)
    if config.weights is not None:
        network.load_state_dict(read_checkpoint(config.weights["model"], network))
    network.eval().to(config.device)
    settings = ClipSettings.from_options(config.options)
    return ClipSegmenter(build_model(network, start, config.device), settings, config.device)


def build_network(options: Options, start: StartClips | None) -> WNet:
    """Build the network with random weights; ``start``: ``None`` for a backbone of its own."""
    assert options.clip_length is not None  # Options requires it
    size = SIZES[options.size]
    if start is None:
        return WNet(options.clip_length, options.backbone, size)
    return WNet(options.clip_length, start.backbone(), size, start.sentence_channels)


def build_model(network: WNet, start: StartClips | None, device: str) -> ClipModel[Any, Any, Tensor]:
    """Make the model of a network."""
    if start is None:
        return WNetModel(network, recording_reader(device))
    return PromptedModel(WNetModel(network, start_reader(start)), start)
