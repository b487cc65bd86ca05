"""Options of LBDT's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Literal

from baselines.layers.options import Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a variant.

    Attributes:
        size: Sizes of the network: the authors', or small ones.
        interval: Frames between a frame and its reference frame.
    """

    size: Literal["base", "mini"]
    interval: Count
