"""Parameters of a variant and their bytes, computed from a network without memory (PyTorch's meta device)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mevis_bench.methods.bridges import unwrap
from mevis_bench.methods.loading import load_method
from mevis_bench.methods.registry import MethodEntry, ResolvedMethod
from mevis_bench.records import MethodConfig, MevisBenchError


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


def variant_size(resolved: ResolvedMethod, options: Mapping[str, object] | None = None) -> VariantSize | None:
    """Build a variant on the meta device and count; ``None``: it runs in an environment or program of its own.

    Nothing is initialized or read, so that 7 billion parameters take seconds and no memory.

    Args:
        resolved: The variant.
        options: Changes of its options.

    Raises:
        MevisBenchError: The method cannot be built.
    """
    spec = resolved.method.spec
    if spec.environment is not None or spec.command is not None:
        return None
    import torch

    config = MethodConfig(
        resolved.spec.tasks[0], resolved.variant, {**resolved.spec.options, **(options or {})}, None, "meta", 0
    )
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


def fitting_variants(entry: MethodEntry, available: int) -> list[VariantSize]:
    """Return what of a method fits into memory, largest first: variants, also in bfloat16 where they are in float32.

    Args:
        entry: The method.
        available: Bytes of weights that the device can hold.

    Returns:
        Sizes; the name of one in bfloat16 ends in the option that chooses it.
    """
    sizes = []
    for name, spec in entry.spec.variants.items():
        changes = [{}, {"precision": "bfloat16"}] if spec.options.get("precision") == "float32" else [{}]
        for change in changes:
            try:
                size = variant_size(ResolvedMethod(entry, name), change)
            except MevisBenchError:
                continue
            if size is not None and size.bytes <= available:
                flags = "".join(f" --set method.{key}={value}" for key, value in change.items())
                sizes.append(replace(size, name=size.name + flags))
    return sorted(sizes, key=lambda size: -size.bytes)
