"""Options of ReferFormer's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Literal

from baselines.layers.options import ClipOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClipOptions):
    """Options of a variant, in addition to those of all clip methods.

    Attributes:
        size: Sizes of the network: the authors', or small ones.
        backbone: One of ``baselines.layers.nn.clip_backbones.BACKBONES``, or ``common-start``: backbone and text
            encoder are the common start of the mini variants.
    """

    size: Literal["base", "mini"]
    backbone: str
