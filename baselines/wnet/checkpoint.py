"""The authors' WNet file (entry ``model``): our names are theirs."""

from pathlib import Path

from torch import Tensor

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.wnet.model import WNet


def read_checkpoint(path: Path, model: WNet) -> dict[str, Tensor]:
    """Read a published file.

    Raises:
        DataError: The file cannot be read safely, or its keys or shapes are not the model's.
    """
    return match_keys(read_tensors(path, entry="model", namespace=True), model, location=str(path))
