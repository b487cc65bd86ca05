"""Sizes of VAST by name: the authors', and one that trains on a CPU."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VastConfig:
    """Sizes of the network; the defaults are the authors'.

    Attributes:
        tracks: Whether targets are tokens of the common start of the mini variants, in place of the vision transformer.
        image_size: Side of a frame, in pixels.
        patch_size: Side of a patch, in pixels.
        vision_width: Width of the vision transformer (EVA01-CLIP-g).
        vision_depth: Its layers.
        vision_heads: Its attention heads.
        vision_feedforward: Hidden width of its MLPs.
        frames: Frames that have an embedding.
        width: Width of the text decoder (BERT base).
        depth: Its layers.
        heads: Its attention heads.
        feedforward: Hidden width of its MLPs.
        words: Entries of its vocabulary.
        positions: Upper bound of a sentence's tokens.
    """

    tracks: bool = False
    image_size: int = 224
    patch_size: int = 14
    vision_width: int = 1408
    vision_depth: int = 40
    vision_heads: int = 16
    vision_feedforward: int = 6144
    frames: int = 8
    width: int = 768
    depth: int = 12
    heads: int = 12
    feedforward: int = 3072
    words: int = 30522
    positions: int = 512


SIZES: Mapping[str, VastConfig] = {
    "base": VastConfig(),
    "mini": VastConfig(
        image_size=96, patch_size=12, vision_width=96, vision_depth=3, vision_heads=4, vision_feedforward=256,
        width=128, depth=2, heads=4, feedforward=256, words=1024, positions=64,
    ),
    "tracks": VastConfig(
        tracks=True, vision_width=128, width=128, depth=2, heads=4, feedforward=256, words=1024, positions=64,
    ),
}  # fmt: skip
"""Sizes by name; ``mini`` and ``tracks`` have no published weights."""
