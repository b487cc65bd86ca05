"""Options of MUTR's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Literal

from baselines.layers.options import ClipOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClipOptions):
    """Options of a variant, in addition to those of all clip methods.

    Attributes:
        size: Sizes of the network: the authors', or small ones.
        backbone: One of ``baselines.layers.nn.clip_backbones.BACKBONES``, or ``common-start``: backbone and encoder of
            the prompts are the common start of the mini variants.
        reference: Prompt and its encoder: ``text`` (RoBERTa, or the common start's), ``audio`` (speech by VGGish) or
            ``speech`` (the common start's speech encoder, on weights that were trained on text).
    """

    size: Literal["base", "mini"]
    backbone: str
    reference: Literal["text", "audio", "speech"]

    def __post_init__(self) -> None:
        if self.reference == "speech" and self.backbone != "common-start":
            raise ValueError(
                f"'reference': speech is read on backbone 'common-start' only, got {self.backbone!r}; use 'audio'"
            )
