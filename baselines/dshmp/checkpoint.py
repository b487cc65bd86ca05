"""Read the authors' DsHmp checkpoint: a detectron2 file, its ``model`` entry under the same names as ours."""

from pathlib import Path

import torch
from torch import Tensor

from baselines.dshmp.model import DsHmp
from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors

DROPPED = (
    "criterion.empty_weight",
    "vita_criterion.empty_weight",
    "vita_criterion.train_memory_bank.features",
    "text_encoder.embeddings.position_ids",
    "text_encoder.embeddings.token_type_ids",
)
"""What a file may carry that predicting has no use for: class weights and memory bank of the losses, index tables."""


def load(path: Path) -> dict[str, Tensor]:
    """Return exactly the model's tensors from the authors' file or from safetensors made of it.

    Raises:
        DataError: The file is not this method's checkpoint; see ``read_tensors`` and ``match_keys``.
    """
    with torch.device("meta"):
        expected = DsHmp()
    return match_keys(read_tensors(path, entry="model"), expected, location=str(path), dropped=DROPPED)
