"""The authors' LBDT file: names of its two trunks, and reading it."""

import re
from pathlib import Path

from torch import Tensor

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.lbdt.model import Lbdt

# The authors unfold both ResNets into the model: <layer>_1 is the image trunk, <layer>_2 the difference trunk.
_TRUNKS = {"1": "image_trunk", "2": "difference_trunk"}
_STAGES = {"res2": "layer1", "res3": "layer2", "res4": "layer3", "res5": "layer4", "conv1": "conv1", "bn1": "bn1"}


def our_key(theirs: str) -> str:
    """Translate a key of the authors' file; keys outside the trunks stay as they are."""
    match = re.fullmatch(r"(res[2-5]|conv1|bn1)_([12])\.(.+)", theirs)
    return f"{_TRUNKS[match[2]]}.{_STAGES[match[1]]}.{match[3]}" if match else theirs


def read_checkpoint(path: Path, model: Lbdt) -> dict[str, Tensor]:
    """Read a published file (a bare state dict) into the model's keys.

    Raises:
        DataError: The file cannot be read safely, or its keys or shapes are not the model's.
    """
    tensors = {our_key(key): value for key, value in read_tensors(path).items()}
    return match_keys(tensors, model, location=str(path))
