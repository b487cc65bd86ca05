import pytest
import torch
from torch import nn

from baselines.layers.nn.resnet import RESNETS, Bottleneck, FrozenBatchNorm2d, ResNet


@pytest.mark.parametrize(("name", "entries"), [("resnet50", 265), ("resnet101", 520)])
def test_state_dict_has_the_entries_of_the_family(name, entries):
    with torch.device("meta"):
        state = ResNet(RESNETS[name]).state_dict()
    assert len(state) == entries
    assert not [key for key in state if key.endswith("num_batches_tracked")]


@pytest.mark.parametrize(
    ("name", "channels"), [("resnet50", (256, 512, 1024, 2048)), ("resnet-mini", (32, 64, 128, 256))]
)
def test_maps_have_the_four_strides_rounded_up(name, channels):
    assert RESNETS[name].channels == channels
    with torch.device("meta"):
        maps = ResNet(RESNETS[name])(torch.empty(1, 3, 100, 180))
    sizes = [(25, 45), (13, 23), (7, 12), (4, 6)]
    assert [tuple(m.shape) for m in maps] == [(1, c, h, w) for c, (h, w) in zip(channels, sizes, strict=True)]


def test_frozen_batch_norm_equals_batch_norm_in_evaluation():
    torch.manual_seed(0)
    reference = nn.BatchNorm2d(5).eval()
    for tensor in (reference.weight.data, reference.bias.data, reference.running_mean):
        tensor.normal_()
    reference.running_var.uniform_(0.5, 2)
    ours = FrozenBatchNorm2d(5)
    ours.load_state_dict({k: v for k, v in reference.state_dict().items() if k != "num_batches_tracked"})
    x = torch.randn(2, 5, 4, 3)
    torch.testing.assert_close(ours(x), reference(x))
    assert not list(ours.parameters())


def test_bottleneck_projects_its_residual_only_where_shapes_change():
    assert Bottleneck(256, 64, 1).downsample is None
    assert Bottleneck(64, 64, 1).downsample is not None
    assert Bottleneck(256, 64, 2)(torch.randn(1, 256, 5, 7)).shape == (1, 256, 3, 4)
