"""The rule that finds the noun phrase at the beginning of a motion expression."""

import pytest

from baselines.layers.inputs.noun_phrase import noun_phrase


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The three moving turtles that turn left", "turtles"),
        ("a flock of birds flying away", "flock of birds"),
        ("Slowly moving white car", "white car"),
        ("the man in the red shirt", "man"),
        ("Cat walk from left to right", "cat"),
        ("The bird on the left, which flies", "bird"),
        ("Two black and white dogs running", "black and white dogs"),
        ("the person who is pushing the bike", "person"),
        ("Jumping ", "Jumping"),
        ("", ""),
        ("...", "..."),
    ],
)
def test_noun_phrase(text: str, expected: str) -> None:
    assert noun_phrase(text) == expected
