"""What is said of a mirrored video."""

import re

_OTHER = {"left": "right", "right": "left"}


def mirror(sentence: str) -> str:
    """Exchange left and right, also where a word begins with them (leftward, rightmost)."""
    return re.sub(r"\b(left|right)(?=\b|wards?\b|most\b)", lambda found: _OTHER[found[0]], sentence)
