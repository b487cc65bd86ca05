"""Sizes of the variants: the published ones, and a mini that trains on a CPU."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from transformers import (
    CLIPVisionConfig,
    MistralConfig,
    Qwen2Config,
    SiglipVisionConfig,
)

from baselines.layers.inference.caption_view import CLIP_MEAN, CLIP_STD


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of one network and its preprocessing.

    Attributes:
        vision: Builds the configuration of the vision encoder; CLIP's class token is removed, SigLIP has none.
        image_size: Side of the vision encoder's input, in pixels.
        patch_size: Side of its patches, in pixels.
        language: Builds the configuration of the language model.
        padding: Zero padding of the connector's reduction of time, rows and columns.
        depth: Blocks in each of the connector's two stages.
        mean: RGB mean of the vision encoder's input, 0..1.
        std: RGB standard deviation, 0..1.
        system_message: Whether the authors' safety message precedes the instruction.
    """

    vision: Callable[[], CLIPVisionConfig | SiglipVisionConfig]
    image_size: int
    patch_size: int
    language: Callable[[], MistralConfig | Qwen2Config]
    padding: int
    depth: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    system_message: bool


def _clip_large() -> CLIPVisionConfig:
    return CLIPVisionConfig(
        hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, image_size=336,
        patch_size=14, projection_dim=768,
    )  # fmt: skip


def _mistral_7b() -> MistralConfig:
    return MistralConfig(
        vocab_size=32000, hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32,
        num_key_value_heads=8, max_position_embeddings=32768, sliding_window=None,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    )  # fmt: skip


def _siglip_so400m() -> SiglipVisionConfig:
    return SiglipVisionConfig(
        hidden_size=1152, intermediate_size=4304, num_hidden_layers=27, num_attention_heads=16, image_size=384,
        patch_size=14,
    )  # fmt: skip


def _qwen2_7b() -> Qwen2Config:
    return Qwen2Config(
        vocab_size=152064, hidden_size=3584, intermediate_size=18944, num_hidden_layers=28, num_attention_heads=28,
        num_key_value_heads=4, max_position_embeddings=32768, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    )  # fmt: skip


def _clip_mini() -> CLIPVisionConfig:
    return CLIPVisionConfig(
        hidden_size=96, intermediate_size=384, num_hidden_layers=4, num_attention_heads=4, image_size=96,
        patch_size=16, projection_dim=96,
    )  # fmt: skip


def _mistral_mini() -> MistralConfig:
    return MistralConfig(
        vocab_size=320, hidden_size=128, intermediate_size=384, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, sliding_window=None, pad_token_id=0, bos_token_id=1,
        eos_token_id=2,
    )  # fmt: skip


SIZES: Mapping[str, Sizes] = {
    "7b": Sizes(_clip_large, 336, 14, _mistral_7b, 1, 4, CLIP_MEAN, CLIP_STD, system_message=True),
    "2.1-7b": Sizes(_siglip_so400m, 384, 14, _qwen2_7b, 0, 4, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), system_message=False),
    "mini": Sizes(_clip_mini, 96, 16, _mistral_mini, 1, 2, CLIP_MEAN, CLIP_STD, system_message=False),
}
