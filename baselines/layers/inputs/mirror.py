"""Sentences about horizontally mirrored videos."""

import re

_OTHER = {"left": "right", "right": "left"}


def mirror(sentence: str) -> str:
    """Exchange left and right, also where a word begins with them (leftward, rightmost)."""
    return re.sub(r"\b(left|right)(?=\b|wards?\b|most\b)", lambda match: _OTHER[match[0]], sentence)
