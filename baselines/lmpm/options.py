"""Options of LMPM's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Literal

from baselines.layers.options import QueryOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(QueryOptions):
    """Options of a variant, in addition to those of all query methods.

    Attributes:
        reads: Type of prompt: ``text``, or ``speech`` through an audio encoder.
        frames: Encoder of frames: LMPM's, which sees the words (``language``), or the common start of the mini
            variants, which gives ``tracks`` whatever the words.
    """

    reads: Literal["text", "speech"]
    frames: Literal["language", "tracks"]
