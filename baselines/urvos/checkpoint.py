"""Read weights of this URVOS, or start its encoders from torchvision's ImageNet ResNet-50."""

from pathlib import Path

from torch import Tensor

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.urvos.model import MemoryEncoder, Urvos
from mevis_bench.records import UsageError

CLASSIFIER = ("fc.weight", "fc.bias")
"""Keys of torchvision's ResNet-50 outside the trunk."""


def load(path: Path, model: Urvos) -> dict[str, Tensor]:
    """Return exactly the tensors of ``model`` from a file that ``mevis-bench train --method urvos`` wrote.

    Raises:
        DataError: The file is another one; see ``read_tensors`` and ``match_keys``.
    """
    return match_keys(read_tensors(path), model, location=str(path))


def start_from_imagenet(model: Urvos, path: Path) -> None:
    """Load torchvision's ``resnet50-*.pth`` into both visual encoders, which are ResNets.

    Raises:
        DataError: The file is another one.
        UsageError: The model has the common start.
    """
    if not isinstance(model.encoder_m, MemoryEncoder):
        raise UsageError("the common start has no ResNet", location="imagenet", hint="Set imagenet=null.")
    tensors = {key: value for key, value in read_tensors(path).items() if not key.endswith("num_batches_tracked")}
    trunk = match_keys(tensors, model.encoder_q, location=str(path), ignored=CLASSIFIER)
    model.encoder_q.load_state_dict(trunk)
    memory = model.encoder_m.rgb
    memory.load_state_dict({key: value for key, value in trunk.items() if not key.startswith("layer4.")})
