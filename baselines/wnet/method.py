"""WNet as a ``Method``: a spoken sentence in, one mask per frame out."""

from collections.abc import Sequence

import torch
from torch import Tensor

from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inference.query_outputs import upsample_masks
from baselines.layers.inputs.audio_file import read_audio
from baselines.layers.inputs.resize import Size, shortest_edge_truncated
from baselines.layers.nn.prepared_maps import ClipInput
from baselines.wnet.checkpoint import read_checkpoint
from baselines.wnet.config import SIZES
from baselines.wnet.mfcc import RATE, speech_features
from baselines.wnet.model import ClipFeatures, WNet
from baselines.wnet.options import Options
from mevis_bench.records import MethodConfig, Prompt, SpeechPrompt

Clip = tuple[ClipFeatures, int]
"""Features of a clip repeated up to the network's clip length, and its number of frames."""


class WNetModel:
    """The network with the authors' inference protocol."""

    def __init__(self, network: WNet, device: str) -> None:
        self.network, self.device = network, device

    def input_size(self, height: int, width: int, short: int) -> Size:
        """Short side given, the long one truncated, without a bound."""
        return shortest_edge_truncated(height, width, short)

    def encode_prompt(self, prompt: Prompt) -> Tensor:
        """Compute MFCC features ``(1, 39, steps)`` of the recording.

        Raises:
            TypeError: The prompt is not speech.
        """
        if not isinstance(prompt, SpeechPrompt):
            raise TypeError(f"WNet requires a speech prompt, got {type(prompt).__name__}")
        features = speech_features(read_audio(prompt.audio, RATE))
        return torch.from_numpy(features).T[None].to(self.device)

    def encode_clip(self, frames: ClipInput) -> Clip:
        """Encode a clip; a short one is repeated up to the network's clip length."""
        indices = torch.arange(self.network.frames, device=frames.device) % len(frames)
        return self.network.encode(frames[indices]), len(frames)

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
    settings = ClipSettings.from_options(config.options)
    assert settings.clip_length is not None  # Options requires it
    if config.weights is None:
        torch.manual_seed(config.seed)
    network = WNet(settings.clip_length, config.options.backbone, SIZES[config.options.size])
    if config.weights is not None:
        network.load_state_dict(read_checkpoint(config.weights["model"], network))
    network.eval().to(config.device)
    return ClipSegmenter(WNetModel(network, config.device), settings, config.device)
