"""Options of URVOS's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from baselines.layers.options import Count, Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a variant.

    Attributes:
        size: Sizes of the network: the paper's, or small ones.
        side: Frames are squashed to this square, in pixels; a multiple of 32.
        words: Words of a sentence that are read.
        anchor: Frame from which the second pass starts: the most confident one (``auto``) or the first.
        memory_every: Every n-th frame is remembered.
        memory_frames: Upper bound of remembered frames.
        stages: 1: every frame by the sentence alone; 2: then outwards from the anchor with a memory.
        abstain: Whether a video without a confident frame is predicted empty.
        scaled: Whether attention logits are divided by the square root of their channels.
        masked: Whether padding words are masked out of the attention.
        kept: Frames whose features stay in memory.
    """

    size: Literal["base", "mini"]
    side: Annotated[int, Meta(ge=32, multiple_of=32)]
    words: Count
    anchor: Literal["auto", "first"]
    memory_every: Count
    memory_frames: Annotated[int, Meta(ge=2)]
    stages: Literal[1, 2]
    abstain: bool
    scaled: bool
    masked: bool
    kept: Size
