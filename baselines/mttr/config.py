"""Sizes of MTTR by name: the authors', and one that trains on a CPU."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from baselines.layers.nn.text_encoder import MINI_TEXT_ENCODER, TextEncoderConfig
from baselines.layers.nn.video_swin import VIDEO_SWIN_MINI, VIDEO_SWIN_T, VideoSwinSize


@dataclass(frozen=True, slots=True)
class MttrConfig:
    """Sizes of the network; the defaults are the authors'.

    Attributes:
        backbone: Video Swin, of which three stages are used.
        text: RoBERTa.
        channels: Width of the transformer.
        heads: Attention heads.
        depth: Encoder layers, and decoder layers.
        feedforward: Hidden units of the feed-forward blocks.
        queries: Object queries.
        kernel: Channels of the finest map, and values of a query's kernel.
        dropout: In encoder and decoder, in training.
    """

    backbone: VideoSwinSize = replace(VIDEO_SWIN_T, drop_path=0.1)  # noqa: RUF009 - frozen
    text: TextEncoderConfig = TextEncoderConfig()  # noqa: RUF009 - frozen
    channels: int = 256
    heads: int = 8
    depth: int = 3
    feedforward: int = 2048
    queries: int = 50
    kernel: int = 8
    dropout: float = 0.1


SIZES: Mapping[str, MttrConfig] = {
    "base": MttrConfig(),
    "mini": MttrConfig(
        backbone=VIDEO_SWIN_MINI,
        text=MINI_TEXT_ENCODER,
        channels=64,
        heads=4,
        depth=2,
        feedforward=128,
        queries=10,
        dropout=0.0,
    ),
}
"""Sizes by name; ``mini`` has no published weights."""
