"""Options of OnlineRefer's variants (``method.yaml``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from baselines.layers.options import ClipOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClipOptions):
    """Options of a variant, in addition to those of all clip methods.

    Clips bound the memory; any ``clip_length`` gives the same masks, except on the common start, which tracks the
    objects of a clip.

    Attributes:
        size: Sizes of the network: the authors', or small ones.
        backbone: One of the image backbones of ``baselines.layers.nn.clip_backbones.BACKBONES``, or ``common-start``:
            backbone and text encoder are the common start of the mini variants.
        sampling: Frames are seen in their order.
    """

    size: Literal["base", "mini"]
    backbone: str
    sampling: Literal["consecutive"]

    renamed_fields: ClassVar[Mapping[str, str]] = {"chunk": "clip_length"}
