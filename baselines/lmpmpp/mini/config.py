"""Sizes of the mini variant: the paper's modules in small numbers, and the tracker in between."""

from dataclasses import dataclass, field

from baselines.layers.nn.swin import SwinConfig
from baselines.lmpmpp.config import ExtractorConfig, LanguageConfig


@dataclass(frozen=True, slots=True)
class TrajectoryConfig:
    """Addition: link the queries over frames and give the language model few tokens per object instead of T * N1.

    Attributes:
        tracks: K, at most this many objects are followed.
        steps: S, a trajectory is resampled to this many moments, whatever the length of the video.
        windows: W, a trajectory gives one token for all of it and one for each of W equal parts.
        appearance: Channels of the object embedding that are kept per moment.
        hidden: Width of the trajectory perceptron.
        channels: Width A of the space in which trajectories and sentences are aligned.
    """

    tracks: int = 8
    steps: int = 16
    windows: int = 4
    appearance: int = 8
    hidden: int = 256
    channels: int = 128


@dataclass(frozen=True, slots=True)
class MiniConfig:
    """The whole mini variant.

    Attributes:
        extractor: See there.
        language: See there.
        trajectory: See there.
    """

    extractor: ExtractorConfig
    language: LanguageConfig
    trajectory: TrajectoryConfig = field(default_factory=TrajectoryConfig)


MINI = MiniConfig(
    extractor=ExtractorConfig(
        backbone=SwinConfig(channels=32, depths=(1, 2, 2, 2), heads=(1, 2, 4, 8), mlp_ratio=2.0),
        channels=64,
        heads=4,
        groups=8,
        pixel_layers=1,
        pixel_feedforward=128,
        decoder_layers=3,
        feedforward=128,
        language_queries=False,
        mask_stride=2,
        position_code=True,
        short_side=72,
        long_side=128,
    ),
    language=LanguageConfig(
        hidden=128,
        layers=4,
        heads=4,
        feedforward=256,
        vocabulary=21,
        lora_rank=8,
        lora_alpha=16.0,
        text_channels=128,
        audio_channels=128,
        guided_tracks=True,
    ),
    trajectory=TrajectoryConfig(),
)
"""The same modules in small numbers, trained on two cores."""
