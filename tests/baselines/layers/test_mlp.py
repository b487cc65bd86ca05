import torch

from baselines.layers.nn.mlp import Mlp


def test_relu_stands_between_layers_and_not_after_the_last():
    mlp = Mlp(1, 1, 1)
    for layer in mlp.layers:
        torch.nn.init.ones_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    torch.nn.init.constant_(mlp.layers[-1].bias, -5.0)
    assert mlp(torch.tensor([[-3.0], [2.0]])).tolist() == [[-5.0], [-3.0]]


def test_keys_and_widths():
    shapes = {key: tuple(value.shape) for key, value in Mlp(4, 8, 2).state_dict().items()}
    assert shapes == {
        "layers.0.weight": (8, 4),
        "layers.0.bias": (8,),
        "layers.1.weight": (2, 8),
        "layers.1.bias": (2,),
    }
