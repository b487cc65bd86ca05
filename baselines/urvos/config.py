"""Sizes of URVOS by name: the paper's, and one that trains on a CPU."""

from collections.abc import Mapping
from dataclasses import dataclass

from baselines.layers.nn.resnet import RESNETS, ResNetConfig


@dataclass(frozen=True, slots=True)
class UrvosConfig:
    """Sizes of the network; the defaults are the paper's, or those of STM (Oh et al., ICCV 2019) where it is silent.

    Attributes:
        backbone: ResNet of both encoders.
        words: Channels of a word's embedding.
        fused: Channels of the attention between cells and words; a multiple of ``heads``.
        heads: Heads of the attention among pairs.
        keys: Channels of memory keys.
        values: Channels of memory values.
        decoder: Channels of the decoder.
    """

    backbone: ResNetConfig = RESNETS["resnet50"]
    words: int = 1000
    fused: int = 512
    heads: int = 8
    keys: int = 128
    values: int = 512
    decoder: int = 256


SIZES: Mapping[str, UrvosConfig] = {
    "base": UrvosConfig(),
    "mini": UrvosConfig(backbone=RESNETS["resnet-mini"], words=16, fused=16, heads=2, keys=8, values=16, decoder=16),
}
"""Sizes by name; no weights were published for either."""
