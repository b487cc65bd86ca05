"""Suggestions for a misspelled name."""

import difflib
from collections.abc import Sequence


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return ``Did you mean 'x'? Known: a, b, c`` for a word that is none of the known ones."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    guess = f"Did you mean '{close[0]}'? " if close else ""
    return f"{guess}Known: {', '.join(known) if known else 'none'}"
