"""Part-of-speech taggers that tell words of motion (verbs, adverbs) from static ones."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from baselines.layers.inputs.motion_words import (
    ADVERBS,
    ARTICLES,
    AUXILIARIES,
    IRREGULAR,
    NOT_ADVERBS,
    NOT_VERBS,
    VERBS,
)
from mevis_bench.records import MethodError, UsageError

SPACY_MODEL = "en_core_web_sm"


@dataclass(frozen=True, slots=True)
class TaggedWord:
    """A word of a sentence.

    Attributes:
        start: Its first character.
        end: One past its last character.
        motion: Whether it is a verb or an adverb.
    """

    start: int
    end: int
    motion: bool


class Tagger(Protocol):
    """Word splitter that marks verbs and adverbs."""

    def tag(self, text: str) -> list[TaggedWord]:
        """Return the words in order; auxiliaries ("is") and particles ("away") are static."""
        ...


class SpacyTagger:
    """spaCy's small English model, the choice of DsHmp's authors."""

    def __init__(self) -> None:
        try:
            import spacy
        except ImportError as error:
            raise MethodError("the tagger 'spacy' needs spaCy, which is not installed", hint=_SPACY_HINT) from error
        try:
            self._pipeline = spacy.load(SPACY_MODEL, disable=["parser", "ner"])
        except OSError as error:
            raise MethodError(f"spaCy's model {SPACY_MODEL} is not installed", hint=_SPACY_HINT) from error

    def tag(self, text: str) -> list[TaggedWord]:
        """Tag by spaCy's universal part of speech: VERB and ADV are motion."""
        return [
            TaggedWord(word.idx, word.idx + len(word.text), word.pos_ in ("VERB", "ADV"))
            for word in self._pipeline(text)
        ]


_SPACY_HINT = (
    f"pip install 'mevis-bench[spacy]' && python -m spacy download {SPACY_MODEL}\n"
    "Or take the variant with the built-in rules: --variant swin-t"
)

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[^\s\w]|_")


class RuleTagger:
    """Tagger by word lists and endings, without spaCy.

    A verb is a form of a known verb (walk, walks, walked, walking, ran), unless it is uninflected or in -s directly
    after an article ("a walk"), or any word in -ing or -ed that is neither a known exception nor an auxiliary. An
    adverb is a known one, or any word in -ly that is no known exception. All else is static. Other context is not used;
    an unknown verb without ending or in -s is not recognized.
    """

    def tag(self, text: str) -> list[TaggedWord]:
        """Tag every run of letters and digits, and every other sign, as a word."""
        tagged = []
        before = ""
        for match in _WORD.finditer(text):
            word = match.group().lower()
            motion = _is_adverb(word) or _is_verb(word, noun_expected=before in ARTICLES)
            tagged.append(TaggedWord(match.start(), match.end(), motion))
            before = word
        return tagged


def _is_adverb(word: str) -> bool:
    return word in ADVERBS or (word.endswith("ly") and word not in NOT_ADVERBS)


def _is_verb(word: str, *, noun_expected: bool) -> bool:
    if word in AUXILIARIES or word in NOT_VERBS:
        return False
    if word in IRREGULAR or word.endswith(("ing", "ed")):
        return True
    if noun_expected:
        return False
    bare = [word]
    if word.endswith("s"):
        bare.append(word[:-1])
    if word.endswith("es"):
        bare.append(word[:-2])
    if word.endswith("ies"):
        bare.append(word[:-3] + "y")
    return any(form in VERBS for form in bare)


def open_tagger(name: str) -> Tagger:
    """Return the tagger of an option: ``rules`` or ``spacy``.

    Raises:
        UsageError: The tagger is unknown.
        MethodError: spaCy or its model is not installed.
    """
    taggers: dict[str, Callable[[], Tagger]] = {"rules": RuleTagger, "spacy": SpacyTagger}
    if name not in taggers:
        raise UsageError(f"unknown tagger '{name}'", location="method.tagger", hint="Expected rules or spacy.")
    return taggers[name]()
