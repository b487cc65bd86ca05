"""Options of SAM 3's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Literal

from baselines.layers.options import Sam3Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Sam3Options):
    """Options of a variant, in addition to those of all methods with SAM 3.

    Attributes:
        size: Sizes of a network with random weights: the published ones, or small ones; weights bring their own.
        phrase: Text that the network is given: the whole sentence, or its noun phrase by the rule of
            ``layers/inputs/noun_phrase.py``.
    """

    size: Literal["published", "mini"]
    phrase: Literal["sentence", "noun_phrase"]
