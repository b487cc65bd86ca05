"""ImageNet weights of a ResNet, as torchvision publishes them."""

from pathlib import Path

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.layers.nn.resnet import ResNet

CLASSIFIER = ("fc.weight", "fc.bias")
"""Keys of torchvision's file outside of the backbone."""

COUNTER = "num_batches_tracked"
"""Buffer of trained batch norms, which torchvision's older files lack."""


def load_imagenet(backbone: ResNet, path: Path) -> None:
    """Load ``resnet50-*.pth`` or ``resnet101-*.pth`` into a backbone with frozen or trained norms.

    Raises:
        DataError: Its tensors are not those of this ResNet.
    """
    tensors = {key: value for key, value in read_tensors(path).items() if not key.endswith(COUNTER)}
    counters = {key: value for key, value in backbone.state_dict().items() if key.endswith(COUNTER)}
    backbone.load_state_dict(match_keys({**tensors, **counters}, backbone, location=str(path), ignored=CLASSIFIER))
