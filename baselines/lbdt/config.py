"""Sizes of LBDT by name: the authors', and one that trains on a CPU."""

from collections.abc import Mapping
from dataclasses import dataclass

from baselines.layers.nn.resnet import RESNETS, ResNetConfig


@dataclass(frozen=True, slots=True)
class LbdtConfig:
    """Sizes of the network; the defaults are those of the authors' LBDT-4.

    Attributes:
        backbone: ResNet of both trunks.
        channels: Width of the words and of the transfer between the trunks; a multiple of 4 and of ``heads``.
        heads: Attention heads.
        depth: Layers of a transfer.
        decoder_channels: Width of the decoder.
    """

    backbone: ResNetConfig = RESNETS["resnet50"]
    channels: int = 512
    heads: int = 8
    depth: int = 4
    decoder_channels: int = 128


SIZES: Mapping[str, LbdtConfig] = {
    "base": LbdtConfig(),
    "mini": LbdtConfig(backbone=RESNETS["resnet-mini"], channels=32, heads=4, depth=1, decoder_channels=16),
}
"""Sizes by name; ``mini`` has no published weights."""
