"""Options of DsHmp's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Literal

from baselines.layers.options import QueryOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(QueryOptions):
    """Options of a variant, in addition to those of all query methods.

    Attributes:
        tagger: Splits a sentence into static and motion words: word lists and endings (``rules``), or spaCy's
            ``en_core_web_sm`` as the authors do (``spacy``).
    """

    tagger: Literal["rules", "spacy"]
