import copy

import torch
from torch import nn

from baselines.layers.nn.lora import LoraLinear, add_lora, merge_lora


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj, self.k_proj = nn.Linear(5, 5), nn.Linear(5, 5)

    def forward(self, x):
        return self.q_proj(x) * self.k_proj(x)


def test_an_adapter_is_zero_at_initialization():
    block, x = Block(), torch.randn(3, 5)
    before = block(x)
    add_lora(block, ("q_proj",), rank=2, alpha=4.0)
    torch.testing.assert_close(block(x), before, rtol=0, atol=0)
    assert isinstance(block.q_proj, LoraLinear)
    assert isinstance(block.k_proj, nn.Linear)


def test_only_adapters_require_a_gradient():
    block = Block()
    add_lora(block, ("q_proj", "k_proj"), rank=2, alpha=4.0)
    trained = {name for name, p in block.named_parameters() if p.requires_grad}
    assert trained == {f"{layer}.lora_{side}" for layer in ("q_proj", "k_proj") for side in "ab"}
    assert sum(p.numel() for p in block.parameters() if p.requires_grad) == 2 * 2 * (5 + 5)


def test_merged_layers_compute_the_same():
    block, x = Block(), torch.randn(7, 5)
    add_lora(block, ("q_proj", "k_proj"), rank=2, alpha=4.0)
    for layer in (block.q_proj, block.k_proj):
        nn.init.normal_(layer.lora_b)
    merged = copy.deepcopy(block)
    merge_lora(merged)
    assert type(merged.q_proj) is nn.Linear
    torch.testing.assert_close(merged(x), block(x))
    assert not torch.allclose(Block()(x), block(x))
