"""Options of MTTR's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Literal

from baselines.layers.options import ClipOptions, Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClipOptions):
    """Options of a variant, in addition to those of all clip methods.

    Attributes:
        size: Sizes of the network: the authors', or small ones.
        backbone: Video Swin, or ``common-start``: backbone and text encoder are the common start of the mini variants.
        longest: Upper bound of the frames' long side, in pixels, no less than ``short``.
    """

    size: Literal["base", "mini"]
    backbone: Literal["video-swin", "common-start"]
    longest: Count

    def __post_init__(self) -> None:
        if self.longest < self.short:
            raise ValueError(f"'longest': expected no less than short ({self.short}), got {self.longest}")
