"""VideoLLaMA 2's network: transformers' vision encoder and language model around our connector.

The parts hang where the published files have them: ``model.vision_tower.vision_tower.vision_model``,
``model.mm_projector``, ``model.layers``, ``lm_head``.
"""

import torch
from torch import Tensor, nn
from transformers import (
    CLIPVisionModel,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2ForCausalLM,
    SiglipVisionConfig,
    SiglipVisionModel,
)

from baselines.videollama2.sizes import Sizes
from baselines.videollama2.stc_connector import StcConnector

FEATURE_LAYER = -2
"""The vision encoder's layer that is read: the last but one."""


class VisionTower(nn.Module):
    """CLIP's or SigLIP's image encoder, read at the last but one layer."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        config = sizes.vision()
        siglip = isinstance(config, SiglipVisionConfig)
        encoder = SiglipVisionModel(config) if siglip else CLIPVisionModel(config)
        self.class_tokens = 0 if siglip else 1
        self.vision_tower = nn.ModuleDict({"vision_model": encoder})

    def forward(self, frames: Tensor) -> Tensor:
        """Normalized frames ``(t, 3, s, s)`` -> patch features ``(t, n, c)``, row by row."""
        seen = self.vision_tower["vision_model"](frames, output_hidden_states=True)
        return seen.hidden_states[FEATURE_LAYER][:, self.class_tokens :]


def build(sizes: Sizes) -> PreTrainedModel:
    """Build a language model with a vision tower and a connector, with initial weights."""
    config = sizes.language()
    network = MistralForCausalLM(config) if isinstance(config, MistralConfig) else Qwen2ForCausalLM(config)
    network.model.vision_tower = VisionTower(sizes)
    network.model.mm_projector = StcConnector(
        sizes.vision().hidden_size, config.hidden_size, sizes.padding, sizes.depth
    )
    return network


def build_unfilled(sizes: Sizes) -> PreTrainedModel:
    """Build with parameters on the meta device: nothing is allocated until a checkpoint's tensors are put in.

    Buffers that no checkpoint holds (rotary frequencies, patch numbers) are real.
    """
    with torch.device("meta"):
        network = build(sizes)
    rotary = network.model.rotary_emb
    network.model.rotary_emb = type(rotary)(network.config)
    embeddings = network.model.vision_tower.vision_tower["vision_model"].embeddings
    embeddings.position_ids = torch.arange(embeddings.position_ids.shape[-1])[None]
    return network


def visual_tokens(network: PreTrainedModel, frames: Tensor) -> Tensor:
    """Encode videos: normalized frames ``(b, t, 3, s, s)`` -> visual tokens ``(b, m, d)``."""
    features = network.model.vision_tower(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
    return network.model.mm_projector(features)


def splice(network: PreTrainedModel, before: Tensor, visual: Tensor, after: Tensor) -> Tensor:
    """Embed a prompt around visual tokens.

    Args:
        network: The model.
        before: Token ids in front of the video, ``(b, l1)``.
        visual: ``(b, m, d)``.
        after: Token ids behind it, ``(b, l2)``.

    Returns:
        ``(b, l1 + m + l2, d)``.
    """
    embed = network.model.embed_tokens
    return torch.cat((embed(before), visual, embed(after)), 1)
