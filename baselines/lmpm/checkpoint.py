"""Read the authors' LMPM checkpoint: a detectron2 file, its ``model`` entry under the same names as ours."""

from pathlib import Path

import torch
from torch import Tensor

from baselines.layers.checkpoint_file import match_keys, read_tensors
from baselines.lmpm.model import Lmpm

DROPPED = (
    "criterion.empty_weight",
    "vita_criterion.empty_weight",
    "text_encoder.embeddings.position_ids",
    "text_encoder.embeddings.token_type_ids",
)
"""Buffers a file may carry that predicting has no use for: class weights of the losses, constant index tables."""


def load(path: Path) -> dict[str, Tensor]:
    """Return exactly the model's tensors from ``model_final.pth`` or from safetensors made of it.

    Raises:
        DataError: The file is not this method's checkpoint; see ``read_tensors`` and ``match_keys``.
    """
    with torch.device("meta"):
        expected = Lmpm()
    return match_keys(read_tensors(path, entry="model"), expected, where=str(path), dropped=DROPPED)
