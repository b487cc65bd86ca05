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
        backbone: ResNet, or ``common-start``: the visual encoders are the common start of the mini variants.
        side: Short side of frames, in pixels; a multiple of 4.
        squash: Whether frames are squashed to a square; else they keep their shape.
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
    backbone: Literal["resnet", "common-start"]
    side: Annotated[int, Meta(ge=32, multiple_of=4)]
    squash: bool
    words: Count
    anchor: Literal["auto", "first"]
    memory_every: Count
    memory_frames: Annotated[int, Meta(ge=2)]
    stages: Literal[1, 2]
    abstain: bool
    scaled: bool
    masked: bool
    kept: Size

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the network's input for frames of ``height`` x ``width``; multiples of 4."""
        if self.squash:
            return self.side, self.side
        scale = self.side / min(height, width)
        return 4 * round(scale * height / 4), 4 * round(scale * width / 4)
