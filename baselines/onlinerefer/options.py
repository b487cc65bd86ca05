"""Options of OnlineRefer's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from baselines.layers.options import Count, Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a variant.

    Attributes:
        size: Sizes of the network: the authors', or small ones.
        backbone: One of the image backbones of ``baselines.layers.nn.clip_backbones.BACKBONES``.
        short: Short side of the frames that the network sees, in pixels.
        chunk: Frames whose features are in memory together; any number gives the same masks.
        precision: Data type of the network.
    """

    size: Literal["base", "mini"]
    backbone: str
    short: Annotated[int, Meta(ge=32)]
    chunk: Count
    precision: Precision
