"""Folders of weights in the published layout: shards and tokenizer."""

from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel

from baselines.layers.checkpoints.sharded_checkpoint import load_shards
from baselines.videollama2.model import build_on_meta
from baselines.videollama2.quantization import quantize
from baselines.videollama2.sizes import Sizes


def load_network(folder: Path, sizes: Sizes, *, dtype: torch.dtype, device: str, bits: int) -> PreTrainedModel:
    """Load a published or a trained folder; keys are the authors'.

    Args:
        folder: ``model.safetensors``, or shards with ``model.safetensors.index.json``.
        sizes: The variant's sizes.
        dtype: Of all weights (of the ones that are not quantized, where ``bits`` is below 16).
        device: A torch device string.
        bits: 16: no quantization; 8 or 4: the language model's layers quantized with bitsandbytes.

    Raises:
        DataError: A shard is missing or broken, or keys or shapes are not the model's.
        MethodError: ``bits`` is below 16 and bitsandbytes is not installed.
    """
    network = build_on_meta(sizes)
    # Quantized while moved to the device, which never holds all weights in 16 bits.
    load_shards(folder, network, dtype=dtype, device="cpu" if bits < 16 else device)
    if bits < 16:
        quantize(network.model.layers, bits, dtype)
    nn.Module.to(network.eval(), device)
    return network
