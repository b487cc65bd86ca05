"""Low-rank adapters (Hu et al., "LoRA", ICLR 2022): ``W x`` becomes ``W x + (alpha / r) B A x`` with W frozen."""

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)


class LoraLinear(nn.Module):
    """Frozen linear layer plus a trainable low-rank update, which is zero at initialization.

    The update is float32 whatever the precision of the layer: half precision would round small steps to nothing.
    """

    def __init__(self, linear: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        self.linear = linear.requires_grad_(False)
        self.scale = alpha / rank
        device = linear.weight.device
        self.lora_a = nn.Parameter(torch.empty(rank, linear.in_features, dtype=torch.float32, device=device))
        self.lora_b = nn.Parameter(torch.zeros(linear.out_features, rank, dtype=torch.float32, device=device))
        nn.init.kaiming_uniform_(self.lora_a, a=5**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., in_features)`` to ``(..., out_features)``."""
        out: Tensor = self.linear(x) + self.scale * (x @ self.lora_a.T @ self.lora_b.T)
        return out

    def merge(self) -> nn.Linear:
        """Add the update to the frozen weight and return the linear layer."""
        self.linear.weight.data += self.scale * (self.lora_b @ self.lora_a).data
        return self.linear


def add_lora(model: nn.Module, targets: Sequence[str], rank: int, alpha: float) -> None:
    """Freeze ``model`` and wrap every linear layer whose name is in ``targets`` with an adapter, in place."""
    model.requires_grad_(False)
    for parent, name, layer in _children_of_type(model, nn.Linear):
        if name in targets:
            setattr(parent, name, LoraLinear(layer, rank, alpha))


def merge_lora(model: nn.Module) -> None:
    """Merge all adapters of ``model`` into the weights that they adapt, in place."""
    for parent, name, layer in _children_of_type(model, LoraLinear):
        setattr(parent, name, layer.merge())


def _children_of_type(model: nn.Module, module_type: type[Module]) -> list[tuple[nn.Module, str, Module]]:
    return [
        (parent, name, child)
        for parent in model.modules()
        if not isinstance(parent, LoraLinear)
        for name, child in parent.named_children()
        if isinstance(child, module_type)
    ]
