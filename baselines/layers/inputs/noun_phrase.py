"""Noun phrase of a motion expression, for networks that find concepts ("turtle") and do not understand motion."""

from baselines.layers.inputs.motion_words import ARTICLES, AUXILIARIES
from baselines.layers.inputs.word_tagger import RuleTagger

_COUNTS = "three four five six seven eight nine ten several some all both many few other"

_ENDS = """
    that which who whose where while when as by in on at to from into onto over under above below behind beside near
    next around across along through toward towards with without between after before during against for off out up
    down away left right
"""
"""Words that end a noun phrase: relative pronouns, prepositions ("of" continues one) and directions."""


def noun_phrase(text: str) -> str:
    """Return the noun phrase that a sentence begins with, in lower case.

    The rule: articles, counts, auxiliaries and words of motion (`RuleTagger`) at the beginning are skipped; the words
    after them are kept up to the next word of motion, auxiliary, relative pronoun, preposition other than "of",
    direction, or punctuation. "The three moving turtles that turn left" becomes "turtles". A sentence without such
    words is returned as it is.
    """
    skipped = ARTICLES | set(_COUNTS.split())
    ends = AUXILIARIES | set(_ENDS.split())
    kept: list[str] = []
    for tagged in RuleTagger().tag(text):
        word = text[tagged.start : tagged.end].lower()
        if tagged.motion or word in ends or not word[0].isalnum():
            if kept:
                break
        elif kept or word not in skipped:
            kept.append(word)
    return " ".join(kept) or text.strip()
