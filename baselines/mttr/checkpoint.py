"""Read the authors' checkpoints of MTTR: their names are ours."""

from pathlib import Path

from torch import Tensor

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.mttr.model import Mttr

IGNORED_KEYS = ("transformer.text_encoder.embeddings.position_ids",)
"""A constant that older versions of transformers saved."""


def load(path: Path, network: Mttr) -> dict[str, Tensor]:
    """Return exactly the tensors of ``network`` from ``{"model_state_dict": ...}`` or safetensors made of it.

    Raises:
        DataError: The file is not a checkpoint, or not of MTTR; see `read_tensors` and `match_keys`.
    """
    tensors = read_tensors(path, entry="model_state_dict", namespace=True)
    return match_keys(tensors, network, location=str(path), ignored=IGNORED_KEYS)
