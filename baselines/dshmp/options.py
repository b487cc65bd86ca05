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
        frames: Encoder of frames: DsHmp's, which sees the words (``language``), or the common start of the mini
            variants, which gives ``tracks`` whatever the words.
    """

    tagger: Literal["rules", "spacy"]
    frames: Literal["language", "tracks"]
