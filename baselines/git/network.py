"""transformers' GIT in the sizes that were published for VATEX, their folders of weights, and a size for tests."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import GitConfig, GitForCausalLM

from baselines.layers.checkpoints.sharded_checkpoint import load_shards
from baselines.lmpmpp.mini.caption_start import TokenEncoder

FRAMES = 6
"""Frames that the published models have embeddings for."""

_VISION: Mapping[str, Mapping[str, int]] = {
    "base": {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
             "patch_size": 16},
    "large": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
              "patch_size": 14},
    "mini": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
             "patch_size": 32},
    "tracks": {"hidden_size": 128, "num_hidden_layers": 0},
}  # fmt: skip
SIZES = tuple(_VISION)

_DECODERS: Mapping[str, Mapping[str, Any]] = {
    "mini": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
             "vocab_size": 1024},
    "tracks": {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
               "vocab_size": 1024},
}  # fmt: skip

MINI_PATCH_SCALE = 0.02

# Position indices of older files, not learned.
IGNORED_KEYS = ("git.embeddings.position_ids", "git.image_encoder.vision_model.embeddings.position_ids")


def build(size: str) -> GitForCausalLM:
    """Build ``base`` (176.6 M parameters), ``large`` (394.2 M) or ``mini`` (0.5 M) with initial weights.

    The published sizes share a decoder of six layers of 768; ``mini`` has two layers of 64 on both sides and 1,024
    words, and trains on a CPU.
    """
    vision = {**_VISION[size], "image_size": 224}
    decoder = _DECODERS.get(size, {})
    network = GitForCausalLM(GitConfig(vision_config=vision, num_image_with_embedding=FRAMES, **decoder))
    if size == "tracks":
        network.git.add_module("image_encoder", TokenEncoder(vision["hidden_size"]))
    if size == "mini":
        with torch.no_grad():  # as they are drawn, a patch's pixels are some 50 times larger than its position
            network.git.image_encoder.vision_model.embeddings.patch_embedding.weight *= MINI_PATCH_SCALE
    return network


def our_key(authors_key: str) -> str:
    """Translate a key of the published files, whose frame embeddings are spelled "temperal"."""
    return re.sub(r"^git\.img_temperal_embedding\.", "git.img_temporal_embedding.", authors_key)


def load_network(folder: Path, size: str, *, dtype: torch.dtype, device: str) -> GitForCausalLM:
    """Load a published folder (``model.safetensors``).

    Raises:
        DataError: The file is missing or broken, or keys or shapes are not the model's.
    """
    network = build(size)
    load_shards(folder, network, dtype=dtype, device=device, our_key=our_key, ignored=IGNORED_KEYS)
    nn.Module.to(network.eval(), device)
    return network
