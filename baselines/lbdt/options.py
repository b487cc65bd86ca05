"""Options of LBDT's variants (``method.yaml``)."""

from dataclasses import dataclass

from baselines.layers.options import Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a variant.

    Attributes:
        interval: Frames between a frame and its reference frame.
    """

    interval: Count
