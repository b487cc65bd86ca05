"""Sizes of WNet by name: the authors', and one that trains on a CPU."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WNetConfig:
    """Sizes of the network; the defaults are the authors'. The backbone and the clip length are options of a variant.

    Attributes:
        channels: Width of the transformer; a multiple of 48 and of ``heads``.
        heads: Attention heads.
        depth: Encoder layers, and decoder layers.
        feedforward: Hidden units of the decoder's feed-forward blocks; the encoder's have ``4 * channels``.
        dropout: In encoder and decoder, in training.
        embedding_dropout: Of the encoder's inputs, in training.
        groups: Groups of the mask head's group norms; divides ``channels / 16`` and ``channels + heads``.
    """

    channels: int = 384
    heads: int = 8
    depth: int = 4
    feedforward: int = 2048
    dropout: float = 0.1
    embedding_dropout: float = 0.25
    groups: int = 8


SIZES: Mapping[str, WNetConfig] = {
    "base": WNetConfig(),
    "mini": WNetConfig(channels=48, heads=4, depth=2, feedforward=96, dropout=0.0, embedding_dropout=0.0, groups=1),
}
"""Sizes by name; ``mini`` has no published weights."""
