"""Parameters of a variant and their bytes, computed from a network without memory (PyTorch's meta device)."""

from dataclasses import dataclass
from typing import Any

from mevis_bench.methods.bridges import unwrap
from mevis_bench.methods.loading import load_method
from mevis_bench.methods.registry import ResolvedMethod
from mevis_bench.records import MethodConfig


@dataclass(frozen=True, slots=True)
class VariantSize:
    """Size of a variant's networks.

    Attributes:
        name: ``method:variant``.
        parameters: Number of parameters; 0: it has no network.
        bytes: Bytes of the parameters in the variant's precision; activations are not counted.
    """

    name: str
    parameters: int
    bytes: int


def variant_size(resolved: ResolvedMethod) -> VariantSize | None:
    """Build a variant on the meta device and count; ``None``: it runs in an environment or program of its own.

    Nothing is initialized or read, so that 7 billion parameters take seconds and no memory.

    Raises:
        MevisBenchError: The method cannot be built.
    """
    spec = resolved.method.spec
    if spec.environment is not None or spec.command is not None:
        return None
    import torch

    config = MethodConfig(resolved.spec.tasks[0], resolved.variant, resolved.spec.options, None, "meta", 0)
    with torch.device("meta"):
        method = unwrap(load_method(resolved.method, config))
    weights: dict[int, Any] = {}
    for value in vars(method).values():
        if isinstance(value, torch.nn.Module):
            weights |= {id(parameter): parameter for parameter in value.parameters()}
    return VariantSize(
        resolved.name,
        sum(parameter.numel() for parameter in weights.values()),
        sum(parameter.numel() * parameter.element_size() for parameter in weights.values()),
    )
