"""Options of TransRMOT's variants (``method.yaml``)."""

from dataclasses import dataclass

from baselines.layers.options import StreamOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(StreamOptions):
    """Options of a variant: those of all streaming trackers."""
