"""transformers' GIT in the sizes that were published for VATEX, and their folders of weights."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from transformers import GitConfig, GitForCausalLM

from baselines.layers.checkpoints.sharded_checkpoint import load_shards

FRAMES = 6
"""The published models have embeddings for exactly so many frames."""

_VISION: Mapping[str, Mapping[str, int]] = {
    "base": {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
             "patch_size": 16},
    "large": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
              "patch_size": 14},
}  # fmt: skip
SIZES = tuple(_VISION)

# Counters that older files carry; they are not learned.
DROPPED = ("git.embeddings.position_ids", "git.image_encoder.vision_model.embeddings.position_ids")


def build(size: str) -> GitForCausalLM:
    """Build ``base`` (176.6 M parameters) or ``large`` (394.2 M) with initial weights."""
    vision = {**_VISION[size], "image_size": 224}
    return GitForCausalLM(GitConfig(vision_config=vision, num_image_with_embedding=FRAMES))


def our_key(theirs: str) -> str:
    """Translate a key of the published files, whose frame embeddings are spelled "temperal"."""
    return re.sub(r"^git\.img_temperal_embedding\.", "git.img_temporal_embedding.", theirs)


def load_network(folder: Path, size: str, *, dtype: torch.dtype, device: str) -> GitForCausalLM:
    """Load a published folder (``model.safetensors``).

    Raises:
        DataError: The file is missing or broken, or keys or shapes are not the model's.
    """
    network = build(size)
    load_shards(folder, network, dtype=dtype, device=device, our_key=our_key, dropped=DROPPED)
    return network.eval().to(device)
