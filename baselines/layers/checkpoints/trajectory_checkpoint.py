"""Authors' checkpoints of LMPM and DsHmp: detectron2 files whose ``model`` entry has the networks' own key names."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors

IGNORED_KEYS = (
    "criterion.empty_weight",
    "vita_criterion.empty_weight",
    "vita_criterion.train_memory_bank.features",
    "text_encoder.embeddings.position_ids",
    "text_encoder.embeddings.token_type_ids",
)
"""Buffers not used at inference: class weights and memory bank of the losses, constant index tables."""


def load_tensors(path: Path, build: Callable[[dict[str, Tensor]], nn.Module]) -> dict[str, Tensor]:
    """Return exactly the tensors of a network, from ``model_final.pth`` or from safetensors under the same keys.

    Args:
        path: The file.
        build: Builds the expected network from the file's tensors; called with the meta device as default.

    Raises:
        DataError: The file is not a checkpoint of this network; see ``read_tensors`` and ``match_keys``.
    """
    tensors = read_tensors(path, entry="model")
    with torch.device("meta"):
        expected = build(tensors)
    return match_keys(tensors, expected, location=str(path), ignored=IGNORED_KEYS)
