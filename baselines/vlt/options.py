"""Options of VLT's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Literal

from baselines.layers.options import Count, Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a variant.

    Attributes:
        size: Sizes of the network: the authors', or small ones.
        backbone: Darknet, or ``common-start``: the common start of the mini variants.
        temporal_context: Whether the queries of all frames exchange information (+TC); else every frame stands alone.
        threshold: A pixel belongs to the target above this probability.
        chunk: Frames whose features are in memory together; any number gives the same masks.
    """

    size: Literal["base", "mini"]
    backbone: Literal["darknet", "common-start"]
    temporal_context: bool
    threshold: Fraction
    chunk: Count
