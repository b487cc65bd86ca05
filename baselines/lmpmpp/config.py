"""Configuration of LMPM++; the defaults are the paper's (section 5, Implementation Details)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from baselines.layers.nn.imagebind_audio import ImageBindConfig
from baselines.layers.nn.swin import SWIN_T, SwinConfig
from baselines.layers.nn.text_encoder import TextEncoderConfig


@dataclass(frozen=True, slots=True)
class ExtractorConfig:
    """Language-Guided Extractor; the defaults are Mask2Former's.

    Attributes:
        backbone: Swin Transformer; Swin-T in the paper.
        channels: C, width of feature maps, queries and mask features.
        heads: Attention heads of pixel decoder and transformer decoder.
        groups: Groups of the pixel decoder's group norm.
        pixel_layers: Deformable attention layers of the pixel decoder.
        pixel_feedforward: Hidden width of these layers.
        decoder_layers: Masked-attention layers of the transformer decoder.
        feedforward: Hidden width of these layers.
        queries: N1, object queries per frame; 20 in the paper.
        language_queries: Condition the queries on the sentence, as in the paper. ``False`` (mini): queries for every
            object, so that the decoder, too, runs once per video.
        mask_stride: 4 as in the paper, or 2 (mini): four mask features per cell of stride 4 (sub-pixel convolution,
            Shi et al., CVPR 2016), for sharper masks of small frames.
        mask_position_embedding: Add a sine position embedding to the mask features (mini), which separates distractors.
        short_side: Short side of resized frames, in pixels; 360 in the paper.
        long_side: Upper bound of their long side, in pixels; 640 in the paper.
    """

    backbone: SwinConfig = SWIN_T
    channels: int = 256
    heads: int = 8
    groups: int = 32
    pixel_layers: int = 6
    pixel_feedforward: int = 1024
    decoder_layers: int = 9
    feedforward: int = 2048
    queries: int = 20
    language_queries: bool = True
    mask_stride: int = 4
    mask_position_embedding: bool = False
    short_side: int = 360
    long_side: int = 640


@dataclass(frozen=True, slots=True)
class LanguageConfig:
    """Language model, prompt encoders and projections; the defaults are those of Video-LLaMA-7B.

    Attributes:
        hidden: Hidden width D of the language model.
        layers: Decoder layers.
        heads: Attention heads.
        feedforward: Hidden width of the gated perceptron.
        vocabulary: Size of the pretrained vocabulary; the added tokens follow it.
        max_objects: N_max, the largest numeral of the answer template.
        lora_rank: Rank of the adapters.
        lora_alpha: Their scale is ``lora_alpha / lora_rank``.
        lora_targets: Names of the linear layers that get an adapter.
        text_channels: Channels of the frozen text encoder.
        audio_channels: Channels of the frozen audio encoder.
        text_conditioned_tracks: Add one token per track and sentence, their product in the aligned space (mini, whose
            queries are not conditioned on the sentence).
    """

    hidden: int = 4096
    layers: int = 32
    heads: int = 32
    feedforward: int = 11008
    vocabulary: int = 32000
    max_objects: int = 9
    lora_rank: int = 16
    lora_alpha: float = 32.0
    lora_targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    text_channels: int = 768
    audio_channels: int = 1024
    text_conditioned_tracks: bool = False


@dataclass(frozen=True, slots=True)
class LMPMppConfig:
    """LMPM++.

    Attributes:
        extractor: Language-Guided Extractor.
        language: Language model, prompt encoders and projections.
        text: Frozen text encoder.
        audio: Frozen audio encoder.
    """

    extractor: ExtractorConfig = field(default_factory=ExtractorConfig)
    language: LanguageConfig = field(default_factory=LanguageConfig)
    text: TextEncoderConfig = field(default_factory=TextEncoderConfig)
    audio: ImageBindConfig = field(default_factory=ImageBindConfig)


PAPER = LMPMppConfig()
"""Swin-T, RoBERTa-base, Llama-7B."""

TINY = LMPMppConfig(
    extractor=ExtractorConfig(
        backbone=SwinConfig(channels=8, depths=(1, 1, 1, 1), heads=(1, 1, 1, 1)),
        channels=16,
        heads=2,
        groups=4,
        pixel_layers=1,
        pixel_feedforward=16,
        decoder_layers=3,
        feedforward=16,
        queries=5,
        short_side=64,
        long_side=128,
    ),
    language=LanguageConfig(
        hidden=32, layers=2, heads=2, feedforward=32, vocabulary=21, text_channels=12, audio_channels=10, lora_rank=2
    ),
    text=TextEncoderConfig(vocab_size=600, channels=12, depth=1, heads=2, feedforward=12),
    audio=ImageBindConfig(width=12, heads=2, depth=1, embedding=10),
)
"""The paper's architecture in sizes for tests."""

SIZES: Mapping[str, LMPMppConfig] = {"paper": PAPER, "tiny": TINY}
"""By the option ``size``; ``mini`` is another architecture (``mini/config.py``)."""
