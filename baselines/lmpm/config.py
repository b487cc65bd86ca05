"""Sizes of LMPM by name: the authors', and one that trains on a CPU."""

from collections.abc import Mapping

from transformers import WhisperConfig

from baselines.layers.nn.clip_query_module import ClipDecoderConfig
from baselines.layers.nn.pixel_decoder import PixelDecoderConfig
from baselines.layers.nn.query_decoder import QueryDecoderConfig
from baselines.layers.nn.swin import SWIN_MINI
from baselines.layers.nn.text_encoder import MINI_TEXT_ENCODER
from baselines.layers.nn.trajectory_network import TrajectoryNetworkConfig

SPEECH_SIZES: Mapping[str, WhisperConfig] = {
    "base": WhisperConfig(d_model=512, encoder_layers=6, encoder_attention_heads=8, encoder_ffn_dim=2048),
    "mini": WhisperConfig(d_model=32, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=64),
}
"""Encoder of speech: ``base`` is that of Whisper-base; both read 80 mel bands."""

SIZES: Mapping[str, TrajectoryNetworkConfig] = {
    "base": TrajectoryNetworkConfig(),
    "mini": TrajectoryNetworkConfig(
        swin=SWIN_MINI,
        text=MINI_TEXT_ENCODER,
        pixel=PixelDecoderConfig(feedforward=128, heads=4, depth=2, groups=8),
        frame=QueryDecoderConfig(channels=64, queries=10, depth=3, heads=4, feedforward=128),
        clip=ClipDecoderConfig(
            channels=64, queries=5, depth=2, heads=4, feedforward=128, frame_queries=10, encoder_depth=2
        ),
    ),
}
"""``base``: Swin-T, 66.39 M parameters without the text encoder; ``mini``: 64 channels, not published."""
