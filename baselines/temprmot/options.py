"""Options of TempRMOT's variants (``method.yaml``)."""

from dataclasses import dataclass

from baselines.layers.options import Count, StreamOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(StreamOptions):
    """Options of a variant, in addition to those of all streaming trackers.

    Attributes:
        history: Frames of the memory.
    """

    history: Count
