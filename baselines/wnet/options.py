"""Options of WNet's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Literal

from baselines.layers.options import ClipOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClipOptions):
    """Options of a variant, in addition to those of all clip methods.

    Attributes:
        size: Sizes of the network: the authors', or small ones.
        backbone: One of ``baselines.layers.nn.clip_backbones.BACKBONES``, or ``common-start``: the common start of the
            mini variants encodes frames and speech.
    """

    size: Literal["base", "mini"]
    backbone: str

    def __post_init__(self) -> None:
        if self.clip_length is None:
            raise ValueError(
                "'clip_length': expected a number of frames (36 as published: one query per frame), got null"
            )
