"""Options of boxes to masks (``method.yaml``)."""

from dataclasses import dataclass
from typing import Literal

from baselines.layers.options import Precision, Sam2Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a variant.

    Attributes:
        size: Size of a network with random weights; weights bring their own.
        prompts: Boxes that SAM 2 is given of each identity: those of all its frames, or of its first one only.
        frames: Frames in which an identity may have a mask: those in which it is ``boxed``, or ``all``.
        precision: Data type of the network.
    """

    size: Sam2Size
    prompts: Literal["all", "first"]
    frames: Literal["boxed", "all"]
    precision: Precision
