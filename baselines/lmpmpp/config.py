"""How large the parts of LMPM++ are, and which of our additions are on. Two sizes: ``mini`` and ``paper``."""

from dataclasses import dataclass, field

from baselines.layers.nn.swin import SWIN_T, SwinConfig


@dataclass(frozen=True, slots=True)
class ExtractorConfig:
    """Language-Guided Extractor; the defaults are Mask2Former's (Implementation Details).

    Attributes:
        backbone: Swin Transformer; Swin-T in the paper.
        channels: C, width of maps, queries and mask features.
        heads: Attention heads of pixel decoder and transformer decoder.
        groups: Groups of the pixel decoder's group norm.
        pixel_layers: Deformable attention layers of the pixel decoder.
        pixel_feedforward: Hidden width of these layers.
        decoder_layers: Masked-attention layers of the transformer decoder.
        feedforward: Hidden width of these layers.
        queries: N1, object queries per frame; 20 in the paper.
        language_queries: Condition the queries on the sentence, as in the paper; off: they look for every object, so
            one pass of the decoder, too, serves all sentences of a video.
        mask_stride: 4 as in the paper, or the addition 2: four mask features per cell of stride 4 (sub-pixel
            convolution, Shi et al., CVPR 2016), for sharper masks of small frames.
        position_code: Addition: add a sine position code to the mask features, which separates look-alikes.
        short_side: Frames are resized to this short side, in pixels; 360 in the paper.
        long_side: ... but to at most this long side; 640 in the paper.
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
    position_code: bool = False
    short_side: int = 360
    long_side: int = 640


@dataclass(frozen=True, slots=True)
class LanguageConfig:
    """Language model and what surrounds it; the defaults are those of Video-LLaMA-7B.

    Attributes:
        hidden: Width D of the language model.
        layers: Its depth.
        heads: Its attention heads.
        feedforward: Hidden width of its gated perceptron.
        vocabulary: Tokens it comes with; our own follow them.
        max_objects: N_max, the largest numeral the answer may begin with.
        lora_rank: Rank of the adapters.
        lora_alpha: Their scale is ``lora_alpha / lora_rank``.
        lora_targets: Linear layers that get an adapter, by name.
        text_channels: Width of the frozen text encoder's features.
        audio_channels: Width of the audio encoder's features.
        guided_tracks: Addition: where objects are linked before they meet the sentence, condition them on it
            afterwards: one more token per track and sentence, their product in the aligned space.
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
    guided_tracks: bool = False


@dataclass(frozen=True, slots=True)
class LMPMppConfig:
    """The whole model.

    Attributes:
        extractor: See there.
        language: See there.
    """

    extractor: ExtractorConfig = field(default_factory=ExtractorConfig)
    language: LanguageConfig = field(default_factory=LanguageConfig)


PAPER = LMPMppConfig()
"""Swin-T, RoBERTa-base, Llama-7B: the sizes of the paper."""
