"""Sizes of VISA by name: those of its paper, and small ones for tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from transformers import CLIPVisionConfig, LlamaConfig, SamConfig, SamMaskDecoderConfig, SamVisionConfig


def _llama_7b() -> LlamaConfig:
    return LlamaConfig(vocab_size=WORDS, max_position_embeddings=4096)


def _llama_13b() -> LlamaConfig:
    return LlamaConfig(
        vocab_size=WORDS, hidden_size=5120, intermediate_size=13824, num_hidden_layers=40, num_attention_heads=40,
        num_key_value_heads=40, max_position_embeddings=4096,
    )  # fmt: skip


def _clip_large() -> CLIPVisionConfig:
    return CLIPVisionConfig(
        hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, patch_size=14
    )


def _sam_huge() -> SamConfig:
    vision = SamVisionConfig(
        hidden_size=1280, num_hidden_layers=32, num_attention_heads=16, global_attn_indexes=[7, 15, 23, 31]
    )
    return SamConfig(vision_config=vision.to_dict())


WORDS = 32001
"""LLaMA's vocabulary and [SEG]; a file with more special tokens has its own number."""


@dataclass(frozen=True, slots=True)
class VisaConfig:
    """Sizes of the network.

    Attributes:
        language: Language model.
        clip: Encoder of the frames that the language model reads.
        sam: Encoder of the frames that are segmented, and mask decoder.
        clusters: Tokens that a frame's patches are merged into, in three steps; the language model reads all of them.
    """

    language: LlamaConfig = field(default_factory=_llama_7b)
    clip: CLIPVisionConfig = field(default_factory=_clip_large)
    sam: SamConfig = field(default_factory=_sam_huge)
    clusters: tuple[int, int, int] = (64, 32, 16)

    @property
    def read_side(self) -> int:
        """Side of a frame that the language model reads, in pixels."""
        side = self.clip.image_size
        assert isinstance(side, int)
        return side

    @property
    def segmented_side(self) -> int:
        """Side of a frame that SAM segments, in pixels."""
        vision = self.sam.vision_config
        assert isinstance(vision, SamVisionConfig)
        assert isinstance(vision.image_size, int)
        return vision.image_size

    @property
    def prompt_width(self) -> int:
        """Width of SAM's prompts."""
        decoder = self.sam.mask_decoder_config
        assert isinstance(decoder, SamMaskDecoderConfig)
        return decoder.hidden_size


def _mini() -> VisaConfig:
    return VisaConfig(
        language=LlamaConfig(
            vocab_size=512, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=2, max_position_embeddings=512,
        ),
        clip=CLIPVisionConfig(
            hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=28,
            patch_size=7,
        ),
        sam=SamConfig(
            vision_config=SamVisionConfig(
                hidden_size=32, output_channels=32, num_hidden_layers=2, num_attention_heads=2, image_size=64,
                patch_size=16, window_size=2, global_attn_indexes=[1], mlp_dim=32, num_pos_feats=16,
            ).to_dict(),
            prompt_encoder_config={"hidden_size": 32, "image_size": 64, "patch_size": 16},
            mask_decoder_config=SamMaskDecoderConfig(
                hidden_size=32, mlp_dim=32, num_hidden_layers=1, num_attention_heads=2, iou_head_hidden_dim=32,
                attention_downsample_rate=1,
            ).to_dict(),
        ),
        clusters=(8, 4, 2),
    )  # fmt: skip


SIZES: Mapping[str, VisaConfig] = {
    "7b": VisaConfig(),
    "13b": VisaConfig(language=_llama_13b()),
    "mini": _mini(),
}
"""Sizes by name; ``mini`` has random weights only."""
