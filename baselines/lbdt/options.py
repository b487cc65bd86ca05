"""Options of LBDT's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from baselines.layers.options import Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a variant.

    Attributes:
        size: Sizes of the network: the authors', or small ones.
        side: Frames are squashed to this square, in pixels.
        interval: Frames between a frame and its reference frame.
    """

    size: Literal["base", "mini"]
    side: Annotated[int, Meta(ge=32, multiple_of=32)]
    interval: Count
