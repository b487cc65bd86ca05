"""Configuration of the mini variant: the paper's modules in small sizes, and a tracker between them."""

from dataclasses import dataclass, field

from baselines.layers.nn.swin import SwinConfig
from baselines.lmpmpp.config import ExtractorConfig, LanguageConfig


@dataclass(frozen=True, slots=True)
class TrajectoryConfig:
    """Tracks and their tokens: few tokens per track instead of T * N1.

    Attributes:
        tracks: K, maximum number of tracks per video.
        time_steps: S, a track is resampled to this many time steps, whatever the length of the video.
        windows: W, a track gives one token for all of it and one for each of W equal parts; divides ``time_steps``.
        appearance: Channels that the object embedding is reduced to at each time step.
        hidden: Hidden width of the trajectory encoder.
        channels: Width A of the space in which tracks and sentences are aligned.
    """

    tracks: int = 8
    time_steps: int = 16
    windows: int = 4
    appearance: int = 8
    hidden: int = 256
    channels: int = 128


@dataclass(frozen=True, slots=True)
class MiniConfig:
    """The mini variant.

    Attributes:
        extractor: Language-Guided Extractor.
        language: Language model, prompt encoders and projections.
        trajectory: Tracks and their tokens.
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
        mask_position_embedding=True,
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
        text_conditioned_tracks=True,
    ),
)
"""Sizes of the shipped weights (``weights/mini.safetensors``)."""
