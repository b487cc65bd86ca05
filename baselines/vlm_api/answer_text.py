"""The sentence of a model's answer."""

import re

_REASONING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)

_QUOTES = "\"'`*\u201c\u201d\u2018\u2019 "


def answer_text(raw: str) -> str:
    """Return the sentence of an answer.

    Reasoning between ``<think>`` and ``</think>`` is left out (all of it where the end is missing), then quotes and
    asterisks around what remains; white space becomes single spaces. Nothing else is changed, so an answer that is not
    an expression is scored as it is. What has no letter or digit is the empty sentence: "no target".
    """
    text = " ".join(_REASONING.sub(" ", raw).split()).strip(_QUOTES)
    return text if any(character.isalnum() for character in text) else ""
