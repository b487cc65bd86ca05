"""Sizes of VLT by name: the authors', and one that trains on a CPU."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VltConfig:
    """Sizes of the network; the defaults are the authors'.

    Attributes:
        stem: Channels of the backbone's first convolution; every stage doubles them.
        blocks: Residual blocks of the backbone's five stages.
        width: Width of the transformer and of the mask head.
        heads: Attention heads.
        depth: Layers of the transformer's encoder, and of its decoder.
        queries: Queries of a frame.
        side: Side of a frame, in pixels, a multiple of 32; the network takes no other.
        temporal_feedforward: Hidden width of the MLP of the temporal context.
    """

    stem: int = 32
    blocks: tuple[int, ...] = (1, 2, 8, 8, 4)
    width: int = 256
    heads: int = 8
    depth: int = 2
    queries: int = 16
    side: int = 416
    temporal_feedforward: int = 1024

    @property
    def cells(self) -> int:
        """Cells of a frame at stride 16."""
        return (self.side // 16) ** 2


SIZES: Mapping[str, VltConfig] = {
    "base": VltConfig(),
    "mini": VltConfig(
        stem=4, blocks=(1, 1, 1, 1, 1), width=32, heads=4, depth=1, queries=8, side=128, temporal_feedforward=64
    ),
}
"""Sizes by name; ``mini`` has no published weights."""
