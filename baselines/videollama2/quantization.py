"""Linear layers in 8 or 4 bits, with bitsandbytes (optional); settings are the authors'."""

from types import ModuleType

import torch
from torch import nn

from mevis_bench.records import MethodError


def quantize(module: nn.Module, bits: int, dtype: torch.dtype) -> None:
    """Replace every linear layer in a module by one in 8 or 4 bits; it takes effect when moved to its device.

    Raises:
        MethodError: bitsandbytes is not installed.
    """
    try:
        import bitsandbytes
    except ModuleNotFoundError as error:
        raise MethodError(
            f"{bits}-bit weights need the package 'bitsandbytes', which is not installed",
            location="method.bits",
            hint="Install it: pip install bitsandbytes, or use --set method.bits=16",
        ) from error
    for parent in list(module.modules()):
        for name, layer in list(parent.named_children()):
            if type(layer) is nn.Linear:
                setattr(parent, name, _quantized(bitsandbytes, layer, bits, dtype))


def _quantized(bitsandbytes: ModuleType, layer: nn.Linear, bits: int, dtype: torch.dtype) -> nn.Module:
    shape, has_bias = (layer.in_features, layer.out_features), layer.bias is not None
    if bits == 4:
        linear = bitsandbytes.nn.Linear4bit(*shape, has_bias, compute_dtype=dtype, quant_type="nf4", device="meta")
        linear.weight = bitsandbytes.nn.Params4bit(layer.weight.data, requires_grad=False, quant_type="nf4")
    else:
        linear = bitsandbytes.nn.Linear8bitLt(*shape, has_bias, has_fp16_weights=False, threshold=6.0, device="meta")
        linear.weight = bitsandbytes.nn.Int8Params(layer.weight.data, requires_grad=False, has_fp16_weights=False)
    linear.bias = layer.bias
    out: nn.Module = linear
    return out
