"""VideoLLaMA 2's network: transformers' vision encoder and language model around the STC connector.

Cheng et al., "VideoLLaMA 2" (2024), section 3. Parts are registered under the published keys:
``model.vision_tower.vision_tower.vision_model``, ``model.mm_projector``, ``model.layers``, ``lm_head``.
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
"""Layer of the vision encoder whose output is used: the second to last."""


class VisionTower(nn.Module):
    """CLIP's or SigLIP's image encoder up to its second to last layer."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        config = sizes.vision()
        encoder: PreTrainedModel
        if isinstance(config, SiglipVisionConfig):
            encoder, self.class_tokens = SiglipVisionModel(config), 0
        else:
            encoder, self.class_tokens = CLIPVisionModel(config), 1
        self.vision_tower = nn.ModuleDict({"vision_model": encoder})

    def forward(self, frames: Tensor) -> Tensor:
        """Encode normalized frames ``(t, 3, s, s)`` as patch features ``(t, n, c)``, row by row."""
        output = self.vision_tower["vision_model"](frames, output_hidden_states=True)
        features: Tensor = output.hidden_states[FEATURE_LAYER][:, self.class_tokens :]
        return features


def build(sizes: Sizes) -> PreTrainedModel:
    """Build a language model with a vision tower and a connector, with initial weights."""
    config = sizes.language()
    network: PreTrainedModel = (
        MistralForCausalLM(config) if isinstance(config, MistralConfig) else Qwen2ForCausalLM(config)
    )
    network.model.vision_tower = VisionTower(sizes)
    network.model.mm_projector = StcConnector(
        sizes.vision().hidden_size, config.hidden_size, sizes.padding, sizes.depth
    )
    return network


def build_on_meta(sizes: Sizes) -> PreTrainedModel:
    """Build with parameters on the meta device, to be assigned from a checkpoint.

    Buffers that no checkpoint contains (rotary frequencies, patch indices) are allocated.
    """
    with torch.device("meta"):
        network = build(sizes)
    rotary = network.model.rotary_emb
    network.model.rotary_emb = type(rotary)(network.config)
    embeddings = network.model.vision_tower.vision_tower["vision_model"].embeddings
    embeddings.position_ids = torch.arange(embeddings.position_ids.shape[-1])[None]
    return network


def visual_tokens(network: PreTrainedModel, frames: Tensor) -> Tensor:
    """Encode videos: normalized frames ``(b, t, 3, s, s)`` to visual tokens ``(b, m, d)``."""
    features = network.model.vision_tower(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
    tokens: Tensor = network.model.mm_projector(features)
    return tokens


def splice(network: PreTrainedModel, before: Tensor, visual: Tensor, after: Tensor) -> Tensor:
    """Embed a prompt around visual tokens.

    Args:
        network: The model.
        before: Token ids before the video, ``(b, l1)``.
        visual: ``(b, m, d)``.
        after: Token ids after the video, ``(b, l2)``.

    Returns:
        ``(b, l1 + m + l2, d)``.
    """
    embed = network.model.embed_tokens
    return torch.cat((embed(before), visual, embed(after)), 1)
