"""WNet behind the harness's ``predict``: a spoken sentence in, one mask per frame out."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inputs.audio_file import read_audio
from baselines.layers.inputs.resize import Size, shortest_edge_truncated
from baselines.wnet.checkpoint import read_checkpoint
from baselines.wnet.mfcc import RATE, speech_features
from baselines.wnet.model import ClipFeatures, WNet
from baselines.wnet.options import Options
from mevis_bench.records import MethodConfig, Prompt, SpeechPrompt

DRAWN_AT_ONCE = 8
"""Frames whose masks are scaled up together."""

Clip = tuple[ClipFeatures, int]
"""Features of a clip filled up to the network's length, and the number of its own frames."""


class WNetModel:
    """The authors' protocol around the network."""

    def __init__(self, network: WNet, device: str) -> None:
        self.network, self.device = network, device

    def input_size(self, height: int, width: int, short: int) -> Size:
        """Short side given, the long one truncated, without a bound."""
        return shortest_edge_truncated(height, width, short)

    def read(self, prompt: Prompt) -> Tensor:
        """Turn the recording into features ``(1, 39, steps)``."""
        if not isinstance(prompt, SpeechPrompt):
            raise TypeError(f"WNet listens to speech, not {type(prompt).__name__}")
        features = speech_features(read_audio(prompt.audio, RATE))
        return torch.from_numpy(features).T[None].to(self.device)

    def encode(self, frames: Tensor) -> Clip:
        """Encode a clip; a short one is repeated from its start until the network's length is full."""
        filled = torch.arange(self.network.frames, device=frames.device) % len(frames)
        return self.network.encode(frames[filled]), len(frames)

    def answer(self, clip: Clip, text: Tensor) -> Tensor:
        """Mask logits ``(t, H/4, W/4)`` of the clip's own frames."""
        features, own = clip
        logits, _ = self.network(features, text)
        out: Tensor = logits[0, :own]
        return out

    def draw(self, answers: Sequence[Tensor], size: Size) -> tuple[list[Tensor], None]:
        """Bilinear to the video's size, cut at a probability of one half; WNet knows no confidence."""
        return [draw(logits, size) for logits in answers], None


def draw(logits: Tensor, size: Size) -> Tensor:
    """``(t, h, w)`` logits to bool ``(t, *size)``."""
    parts = (
        F.interpolate(part[:, None].float(), size=size, mode="bilinear", align_corners=False)[:, 0].sigmoid() > 0.5
        for part in logits.split(DRAWN_AT_ONCE)
    )
    return torch.cat(list(parts))


def load(setup: MethodConfig[Options]) -> ClipSegmenter[Tensor, Clip, Tensor]:
    """Build WNet with the authors' weights, or with seeded random ones.

    Raises:
        DataError: The checkpoint does not fit.
        UsageError: An option's value can't be used.
    """
    settings = ClipSettings.from_options(setup.options)
    assert settings.clip_length is not None  # Options requires it
    if setup.weights is None:
        torch.manual_seed(setup.seed)
    network = WNet(settings.clip_length, setup.options.backbone)
    if setup.weights is not None:
        network.load_state_dict(read_checkpoint(setup.weights["model"], network))
    network.eval().to(setup.device)
    return ClipSegmenter(WNetModel(network, setup.device), settings, setup.device)
