"""Options of points to masks (``method.yaml``)."""

from dataclasses import dataclass
from typing import Literal

from baselines.layers.options import Precision, Sam2Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a variant.

    Attributes:
        size: Size of a network with random weights; weights bring their own.
        prompts: Points that SAM 2 is given of each object: those of all its frames, or of its first one only.
        precision: Data type of the network.
    """

    size: Sam2Size
    prompts: Literal["all", "first"]
    precision: Precision
