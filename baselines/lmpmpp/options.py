"""Options of LMPM++'s variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Literal

from baselines.layers.options import Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a variant.

    Attributes:
        size: The model: the ``paper``'s, or the two-core stand-in (``mini``).
        answers: Mini: tracks are selected by the ``language`` model, or by the ``matcher`` (row (i) of the paper's
            Table 4).
        shows: Mini: predictions are ``masks``, or ``boxes`` of the detection head (LMPM++_det).
        window: Paper: a longer video is predicted window by window of this many frames.
        stride: Paper: the language model reads the objects of every n-th frame of a window.
        precision: Paper: data type of Llama.
    """

    size: Literal["paper", "mini"]
    answers: Literal["language", "matcher"] = "language"
    shows: Literal["masks", "boxes"] = "masks"
    window: Count = 200
    stride: Count = 1
    precision: Literal["float32", "bfloat16"] = "bfloat16"
