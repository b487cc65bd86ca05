"""Options of VISA's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Literal

from baselines.layers.options import Count, Fraction, Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a variant.

    Attributes:
        size: Sizes of the network: those of the paper, or small ones.
        references: Upper bound of the frames that the language model reads besides the one to segment.
        seed_at: Part of the video, 0..1, whose frame decides: no target in it means none in the video. ``None``: every
            frame stands alone.
        precision: Data type of the network.
        placement: ``single``: the whole network on the device of the run; ``auto``: spread over all accelerators and
            memory.
    """

    size: Literal["7b", "13b", "mini"]
    references: Count
    seed_at: Fraction | None
    precision: Precision
    placement: Literal["single", "auto"]
