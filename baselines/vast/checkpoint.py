"""The authors' files of VAST: their key names, and what of them is not used for captions of silent videos."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.vast.config import VastConfig
from baselines.vast.model import Vast

DROPPED = re.compile(
    r"contra_temp|contra_head_\w+\..+|itm_head\..+"  # retrieval
    r"|vision_encoder\.visual\.head\..+"  # CLIP's projection
    r"|audio_(encoder|frame_embedding|type_embeddings).*|hidden_trans_audio_multimodal\..+"
    r"|subtitle_type_embeddings|hidden_trans_subtitle_multimodal\..+"
    r"|multimodal_encoder\.bert\.embeddings\.position_ids"
)
"""Keys of the files that captions of silent videos do not need."""

_FORMER_NAMES = (("video_", "vision_"), ("evaclip_model", "vision_encoder"), ("clip_model", "vision_encoder"))
"""Names in the authors' older files, and what they became."""

_VISION = "vision_encoder.visual."
_VISION_NAMES = (
    (r"cls_token", "embeddings.class_embedding"),
    (r"pos_embed", "embeddings.position_embedding"),
    (r"patch_embed\.proj\.(\w+)", r"embeddings.patch_embedding.\1"),
    (r"norm\.(\w+)", r"post_layernorm.\1"),
    (r"blocks\.(\d+)\.norm([12])\.(\w+)", r"encoder.layers.\1.layer_norm\2.\3"),
    (r"blocks\.(\d+)\.attn\.qkv\.(\w+)", r"encoder.layers.\1.self_attn.qkv.\2"),
    (r"blocks\.(\d+)\.attn\.proj\.(\w+)", r"encoder.layers.\1.self_attn.projection.\2"),
    (r"blocks\.(\d+)\.mlp\.(.+)", r"encoder.layers.\1.mlp.\2"),
)


def our_tensors(authors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Translate a file's tensors; keys of other models stay as they are, and are unexpected later.

    Queries and values have a bias in the file, keys have none: zeros here.
    """
    named = {_present_name(key): value for key, value in authors.items()}
    tensors = {key: value for key, value in named.items() if DROPPED.fullmatch(key) is None}
    for key in [key for key in tensors if key.startswith(_VISION) and key.endswith(".attn.q_bias")]:
        other = key.replace(".q_bias", ".v_bias")
        if other in tensors:
            query, value = tensors.pop(key), tensors.pop(other)
            tensors[key.replace(".q_bias", ".qkv.bias")] = torch.cat((query, torch.zeros_like(query), value))
    return {_vision_key(key): value for key, value in tensors.items()}


def _present_name(key: str) -> str:
    for former, present in _FORMER_NAMES:
        key = key.replace(former, present)
    return key


def _vision_key(key: str) -> str:
    if key.startswith(_VISION):
        for pattern, ours in _VISION_NAMES:
            match = re.fullmatch(pattern, key.removeprefix(_VISION))
            if match:
                return f"vision_encoder.{match.expand(ours)}"
    return key


def load_network(path: Path, config: VastConfig) -> Vast:
    """Load an authors' file or a trained one, in its data type, on the CPU.

    Raises:
        DataError: The file cannot be read safely, or its keys or shapes are not the model's.
    """
    with torch.device("meta"):
        network = Vast(config)
    network.load_state_dict(match_keys(our_tensors(read_tensors(path)), network, location=str(path)), assign=True)
    network.multimodal_encoder.tie_weights()
    # Constant tables that no file contains.
    embeddings = network.multimodal_encoder.bert.embeddings
    places = torch.arange(config.positions)[None]
    embeddings.register_buffer("position_ids", places, persistent=False)
    embeddings.register_buffer("token_type_ids", torch.zeros_like(places), persistent=False)
    return network
