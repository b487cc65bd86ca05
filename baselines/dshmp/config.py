"""Sizes of DsHmp by name: the authors', and one that trains on a CPU."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from baselines.layers.nn.clip_query_module import ClipDecoderConfig
from baselines.layers.nn.pixel_decoder import PixelDecoderConfig
from baselines.layers.nn.query_decoder import QueryDecoderConfig
from baselines.layers.nn.swin import SWIN_MINI
from baselines.layers.nn.text_encoder import MINI_TEXT_ENCODER
from baselines.layers.nn.trajectory_network import TrajectoryNetworkConfig


@dataclass(frozen=True, slots=True)
class WordFusionConfig:
    """Sizes of the fusion of tokens and words; the defaults are the authors'.

    Attributes:
        heads: Attention heads.
        head_channels: Channels per head.
        dropout: On attention probabilities, 0..1.
        drop_path: Probability that a sample's update is left out in training.
    """

    heads: int = 4
    head_channels: int = 256
    dropout: float = 0.1
    drop_path: float = 0.1


@dataclass(frozen=True, slots=True)
class DsHmpConfig(TrajectoryNetworkConfig):
    """Sizes of the network; the defaults are the authors' with Swin-T.

    Attributes:
        clip: Clip module; windows are of 8 frames, because ``MotionAttention`` halves them three times.
        fusion: Fusion of tokens and words.
    """

    clip: ClipDecoderConfig = field(default_factory=lambda: ClipDecoderConfig(window=8))
    fusion: WordFusionConfig = field(default_factory=WordFusionConfig)


SIZES: Mapping[str, DsHmpConfig] = {
    "base": DsHmpConfig(),
    "mini": DsHmpConfig(
        swin=SWIN_MINI,
        text=MINI_TEXT_ENCODER,
        pixel=PixelDecoderConfig(feedforward=128, heads=4, depth=2, groups=8),
        frame=QueryDecoderConfig(channels=64, queries=10, depth=3, heads=4, feedforward=128),
        clip=ClipDecoderConfig(
            channels=64, queries=5, depth=2, heads=4, feedforward=128, frame_queries=10, window=8, encoder_depth=2
        ),
        fusion=WordFusionConfig(heads=4, head_channels=16),
    ),
}
"""``base``: Swin-T, 92.40 M parameters without the text encoder; ``mini``: 64 channels, not published."""
