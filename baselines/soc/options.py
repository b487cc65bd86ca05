"""Options of SOC's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Literal

from baselines.layers.options import ClipOptions, Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClipOptions):
    """Options of a variant, in addition to those of all clip methods.

    Attributes:
        size: Sizes of the network: the authors', with one class or 65, or small ones.
        backbone: One of ``baselines.layers.nn.clip_backbones.BACKBONES``.
        longest: Upper bound of the frames' long side, in pixels, no less than ``short``.
        frame_by_frame: Whether objects are gathered in every frame by itself, as on A2D-Sentences, or over the clip.
    """

    size: Literal["base", "base-65", "mini"]
    backbone: str
    longest: Count
    frame_by_frame: bool

    def __post_init__(self) -> None:
        if self.longest < self.short:
            raise ValueError(f"'longest': expected no less than short ({self.short}), got {self.longest}")
