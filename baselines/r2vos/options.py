"""Options of R2-VOS's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Literal

from baselines.layers.options import ClipOptions, Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClipOptions):
    """Options of a variant, in addition to those of all clip methods.

    Attributes:
        size: Sizes of the network: the authors', or small ones.
        backbone: One of ``baselines.layers.nn.clip_backbones.BACKBONES``.
        agreement: Masks are empty where the probability that sentence and video disagree is this or more; ``None``:
            there are always masks.
    """

    size: Literal["base", "mini"]
    backbone: str
    agreement: Fraction | None
