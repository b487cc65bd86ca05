"""Options of LMPM++'s variants (``method.yaml``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from baselines.layers.options import Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a variant.

    Attributes:
        size: The model: the ``paper``'s, the same in sizes for tests (``tiny``), or the two-core stand-in (``mini``).
        selection: Mini: tracks are selected by the ``language`` model, or by the ``matcher`` (row (i) of the paper's
            Table 4).
        output: Mini: predictions are ``masks``, or ``boxes`` of the detection head (LMPM++_det).
        window: Paper: a longer video is predicted window by window of this many frames.
        stride: Paper: the language model reads the objects of every n-th frame of a window.
        precision: Paper: data type of Llama.
    """

    size: Literal["paper", "tiny", "mini"]
    selection: Literal["language", "matcher"] = "language"
    output: Literal["masks", "boxes"] = "masks"
    window: Count = 200
    stride: Count = 1
    precision: Literal["float32", "bfloat16"] = "bfloat16"

    renamed_fields: ClassVar[Mapping[str, str]] = {"answers": "selection", "shows": "output"}
