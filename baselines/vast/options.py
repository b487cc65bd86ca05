"""Options of VAST's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from baselines.layers.options import CaptionOptions, Count, Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(CaptionOptions):
    """Options of a variant, in addition to those of all captioners.

    Attributes:
        size: Sizes of the network: the authors', small ones, or ``tracks``: small ones on the common start of the mini
            variants.
        frames: Frames that are sampled; another number than the network has embeddings for takes interpolated ones.
        beams: Beams of the search; 1: greedy.
        length_penalty: Exponent of a sentence's length, by which its log-probability is divided.
        precision: Data type of the network.
    """

    size: Literal["base", "mini", "tracks"]
    frames: Annotated[int, Meta(ge=1, le=64)]
    beams: Count
    length_penalty: Annotated[float, Meta(ge=0)]
    precision: Precision
