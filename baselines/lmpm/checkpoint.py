"""Read the authors' LMPM checkpoint: a detectron2 file, its ``model`` entry under the same names as ours."""

from pathlib import Path

import torch
from torch import Tensor

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.layers.nn.text_encoder import build_roberta
from baselines.lmpm.model import Lmpm
from baselines.lmpm.speech import SpeechEncoder

DROPPED = (
    "criterion.empty_weight",
    "vita_criterion.empty_weight",
    "text_encoder.embeddings.position_ids",
    "text_encoder.embeddings.token_type_ids",
)
"""Buffers a file may carry that predicting has no use for: class weights of the losses, constant index tables."""


def load(path: Path) -> dict[str, Tensor]:
    """Return exactly the model's tensors from ``model_final.pth``, or from safetensors made of it or trained here.

    Raises:
        DataError: The file is not this method's checkpoint; see ``read_tensors`` and ``match_keys``.
    """
    tensors = read_tensors(path, entry="model")
    supports_speech = any(key.startswith("speech_encoder.") for key in tensors)
    with torch.device("meta"):
        expected = Lmpm(SpeechEncoder() if supports_speech else build_roberta())
    return match_keys(tensors, expected, location=str(path), dropped=DROPPED)
