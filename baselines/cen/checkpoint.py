"""Files of CEN: the authors' key names, and CLIP as OpenAI publishes it."""

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from baselines.cen.config import CenConfig
from baselines.cen.model import CenCaptioner
from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors

DROPPED = re.compile(r"cross_attention_[12]\..+|layer_norm_[12]\..+|visual[12]\.pooler\..+")
"""Keys of the authors' network that its forward pass does not reach."""

_DECODER_NAMES = (
    (r"decoder\.embeddings\.(.+)", r"decoder.bert.embeddings.\1"),
    (r"decoder\.decoder\.layer\.(\d+)\.slf_attn\.att\.(.+)", r"decoder.bert.encoder.layer.\1.attention.self.\2"),
    (r"decoder\.decoder\.layer\.(\d+)\.slf_attn\.output\.(.+)", r"decoder.bert.encoder.layer.\1.attention.output.\2"),
    (r"decoder\.decoder\.layer\.(\d+)\.enc_attn\.att\.(.+)", r"decoder.bert.encoder.layer.\1.crossattention.self.\2"),
    (r"decoder\.decoder\.layer\.(\d+)\.enc_attn\.(.+)", r"decoder.bert.encoder.layer.\1.crossattention.\2"),
    (r"decoder\.decoder\.layer\.(.+)", r"decoder.bert.encoder.layer.\1"),
    (r"decoder\.classifier\.cls\.(.+)", r"decoder.cls.\1"),
)
_BIAS = "decoder.cls.predictions.bias"

_FRAME_ENCODER, _CEN = "frame_encoder.", "cen."
_NOT_VISION = re.compile(r"text_model\..+|text_projection\..+|logit_scale|vision_model\.embeddings\.position_ids")
"""Keys of CLIP's file besides its vision encoder."""


def our_key(authors_key: str) -> str:
    """Translate a key of CEN; keys of other models stay as they are, and are unexpected later."""
    for pattern, ours in _DECODER_NAMES:
        match = re.fullmatch(pattern, authors_key)
        if match:
            return match.expand(ours)
    return authors_key


def our_tensors(authors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Translate a file's tensors; the bias of the words has a second name in BERT."""
    tensors = {our_key(key): value for key, value in authors.items() if DROPPED.fullmatch(key) is None}
    if _BIAS in tensors:
        tensors.setdefault("decoder.cls.predictions.decoder.bias", tensors[_BIAS])
    return tensors


def load_captioner(model: Path, clip: Path | None, config: CenConfig) -> CenCaptioner:
    """Load CEN and the encoder of its frames.

    Args:
        model: CEN with the authors' keys; or a trained captioner, whose keys start with ``cen.`` and
            ``frame_encoder.``.
        clip: CLIP's file; ``None``: ``model`` has the encoder, too.
        config: Sizes.

    Raises:
        DataError: A file cannot be read safely, or its keys or shapes are not the model's.
    """
    network = CenCaptioner(config)
    tensors = read_tensors(model)
    if clip is None:
        network.load_state_dict(match_keys(tensors, network, location=str(model)))
        return network
    network.cen.load_state_dict(match_keys(our_tensors(tensors), network.cen, location=str(model)))
    load_clip(network, clip)
    return network


def load_clip(network: CenCaptioner, path: Path) -> None:
    """Load CLIP's file into the encoder of the frames.

    Raises:
        DataError: The file cannot be read safely, or its keys or shapes are not the encoder's.
    """
    vision = {key: value for key, value in read_tensors(path).items() if _NOT_VISION.fullmatch(key) is None}
    network.frame_encoder.load_state_dict(match_keys(vision, network.frame_encoder, location=str(path)))
