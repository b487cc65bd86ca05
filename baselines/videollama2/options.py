"""Options of VideoLLaMA 2's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from baselines.layers.options import CaptionOptions, Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(CaptionOptions):
    """Options of a variant, in addition to those of all captioners.

    Attributes:
        size: Sizes of the network: the authors' two, or small ones.
        frames: Frames that are sampled.
        precision: Data type of the network.
        bits: Bits of a weight of the language model; below 16 it is quantized by bitsandbytes.
    """

    size: Literal["7b", "2.1-7b", "mini"]
    frames: Annotated[int, Meta(ge=1, le=32)]
    precision: Precision
    bits: Literal[16, 8, 4]
