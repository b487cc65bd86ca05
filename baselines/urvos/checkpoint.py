"""Read weights of this URVOS, or start its encoders from torchvision's ImageNet ResNet-50."""

from pathlib import Path

import torch
from torch import Tensor

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.urvos.config import UrvosConfig
from baselines.urvos.model import Urvos

CLASSIFIER = ("fc.weight", "fc.bias")
"""Keys of torchvision's ResNet-50 outside the trunk."""


def load(path: Path, config: UrvosConfig) -> dict[str, Tensor]:
    """Return exactly the tensors of a model of this size from a file that ``mevis-bench train --method urvos`` wrote.

    Raises:
        DataError: The file is another one; see ``read_tensors`` and ``match_keys``.
    """
    with torch.device("meta"):
        expected = Urvos(config)
    return match_keys(read_tensors(path), expected, location=str(path))


def start_from_imagenet(model: Urvos, path: Path) -> None:
    """Load torchvision's ``resnet50-*.pth`` into both visual encoders.

    Raises:
        DataError: The file is another one.
    """
    tensors = {key: value for key, value in read_tensors(path).items() if not key.endswith("num_batches_tracked")}
    trunk = match_keys(tensors, model.encoder_q, location=str(path), ignored=CLASSIFIER)
    model.encoder_q.load_state_dict(trunk)
    memory = model.encoder_m.rgb
    memory.load_state_dict({key: value for key, value in trunk.items() if not key.startswith("layer4.")})
