"""Compilation of a method's networks by ``torch.compile``."""

import sys
from collections.abc import Iterator
from typing import Any

from mevis_bench.methods.bridges import unwrap
from mevis_bench.records import Method, UsageError


def compile_layers(method: Method, name: str) -> None:
    """Compile the repeated layers of a method's networks in place, each on its first call.

    The members of every outermost ``ModuleList`` are compiled one by one: equal layers share their compilation, and it
    does not matter which function of a network the method calls. The outputs differ in their last digits.

    Args:
        method: A loaded method; its networks are the ``torch.nn.Module`` among its attributes.
        name: Its name, for the message.

    Raises:
        UsageError: It has no such layers in this process.
    """
    torch: Any = sys.modules.get("torch")
    values = vars(unwrap(method)).values()
    networks = [] if torch is None else [value for value in values if isinstance(value, torch.nn.Module)]
    layers = [layer for network in networks for layer in _repeated_layers(network, torch.nn.ModuleList)]
    if not layers:
        raise UsageError(
            f"{name} has no layers that can be compiled in this process", location="--compile", hint="Leave it out."
        )
    for layer in layers:
        layer.compile()


def _repeated_layers(module: Any, list_class: type) -> Iterator[Any]:
    for child in module.children():
        if isinstance(module, list_class) and not isinstance(child, list_class):
            yield child
        else:
            yield from _repeated_layers(child, list_class)
