"""VISA's folders of weights: LISA's and SAM's key names, the folder of CLIP, and placement on several devices."""

import re
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import dispatch_model, infer_auto_device_map
from torch import nn
from transformers import LlamaConfig

from baselines.layers.checkpoints.sharded_checkpoint import load_shards, shard_shapes
from baselines.visa.config import VisaConfig
from baselines.visa.model import Visa

_SAM_NAMES = (
    (r"^image_encoder\.", "vision_encoder."),
    (r"\.blocks\.", ".layers."),
    (r"\.patch_embed\.proj\.", ".patch_embed.projection."),
    (r"\.neck\.0\.", ".neck.conv1."),
    (r"\.neck\.1\.", ".neck.layer_norm1."),
    (r"\.neck\.2\.", ".neck.conv2."),
    (r"\.neck\.3\.", ".neck.layer_norm2."),
    (r"\.norm(\w*)\.", r".layer_norm\1."),
    (r"^mask_decoder\.output_upscaling\.0\.", "mask_decoder.upscale_conv1."),
    (r"^mask_decoder\.output_upscaling\.1\.", "mask_decoder.upscale_layer_norm."),
    (r"^mask_decoder\.output_upscaling\.3\.", "mask_decoder.upscale_conv2."),
    (r"(hypernetworks_mlps\.\d+|iou_prediction_head)\.layers\.0\.", r"\1.proj_in."),
    (r"(hypernetworks_mlps\.\d+|iou_prediction_head)\.layers\.1\.", r"\1.layers.0."),
    (r"(hypernetworks_mlps\.\d+|iou_prediction_head)\.layers\.2\.", r"\1.proj_out."),
    (r"^prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix$", "shared_image_embedding.positional_embedding"),
    (r"^prompt_encoder\.no_mask_embed\.", "no_mask_embed."),
)

IGNORED = re.compile(
    r"segmenter\.prompt_encoder\..+"  # points, boxes and masks as prompts
    r"|vision_tower\..+"  # CLIP comes from its own folder
    r"|language\.model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq"
)
"""Keys, after translation, that a file may have and that are not used."""

IGNORED_OF_CLIP = re.compile(r"text_model\..+|text_projection\..+|visual_projection\..+|logit_scale|.*position_ids")
"""The same of CLIP's file."""

AUTO = "auto"

_LAYERS = ("LlamaDecoderLayer", "SamVisionLayer", "CLIPEncoderLayer", "SamMaskDecoder")
"""Parts that stay on one device."""


def our_key(authors_key: str) -> str:
    """Translate a key of VISA's files; keys of other models stay as they are, and are unexpected later."""
    if authors_key.startswith("model.visual_model."):
        key = authors_key.removeprefix("model.visual_model.")
        for pattern, ours in _SAM_NAMES:
            key = re.sub(pattern, ours, key)
        return f"segmenter.{key}"
    for part in ("text_hidden_fcs.", "mm_projector.", "vision_tower."):
        if authors_key.startswith(f"model.{part}"):
            return authors_key.removeprefix("model.")
    return f"language.{authors_key}" if authors_key.startswith(("model.", "lm_head.")) else authors_key


def our_clip_key(key: str) -> str:
    """Translate a key of CLIP's file, which has a prefix that transformers dropped."""
    return key.removeprefix("vision_model.")


def load_network(folder: Path, clip: Path, config: VisaConfig, *, dtype: torch.dtype, device: str) -> Visa:
    """Load VISA's shards and CLIP's, one after the other.

    Args:
        folder: ``model.safetensors``, or shards with their index, under LISA's key names.
        clip: The same of CLIP's vision encoder.
        config: Sizes.
        dtype: Of all weights.
        device: A torch device string, or ``auto``: layers are spread over all accelerators, the rest over memory.

    Raises:
        DataError: A shard is missing or broken, or keys or shapes are not the model's.
    """
    config = _with_vocabulary(folder, config)
    with torch.device("meta"):
        network = Visa(config)
    rotary = network.language.model.rotary_emb
    network.language.model.rotary_emb = type(rotary)(config.language)
    embeddings = network.vision_tower.embeddings
    places = torch.arange(embeddings.position_ids.shape[-1])[None]
    embeddings.register_buffer("position_ids", places, persistent=False)
    first = "cpu" if device == AUTO else device
    own = nn.ModuleDict({name: part for name, part in network.named_children() if name != "vision_tower"})
    load_shards(folder, own, dtype=dtype, device=first, our_key=our_key, ignored=IGNORED)
    load_shards(clip, network.vision_tower, dtype=dtype, device=first, our_key=our_clip_key, ignored=IGNORED_OF_CLIP)
    network.eval()
    if device == AUTO:
        dispatch_model(network, infer_auto_device_map(network, no_split_module_classes=list(_LAYERS)))
        return network
    return network.to(device)


def _with_vocabulary(folder: Path, config: VisaConfig) -> VisaConfig:
    """Take the size of the vocabulary from the file: trainings add different numbers of special tokens."""
    words = shard_shapes(folder).get("model.embed_tokens.weight")
    if words is None:
        return config
    return replace(config, language=LlamaConfig.from_dict({**config.language.to_dict(), "vocab_size": words[0]}))
