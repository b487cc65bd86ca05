"""The check of refused words finds planted ones, and nothing in ordinary code."""

import textwrap

import pytest

from scripts.check_words import WORDS_FILE, RefusedWords, check_document, check_python, read_words

WORDS = RefusedWords(
    identifiers={"told": "reply", "last_words": "tail"},
    docstrings={"What": "a noun phrase"},
    messages={r"\bcan't\b": "cannot"},
    texts={r"\btwins\b": "environment variables"},
)


def words_of(source: str) -> list[tuple[int, str]]:
    return [(finding.line, finding.word) for finding in check_python(textwrap.dedent(source), WORDS)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("told = 1", [(1, "told")]),
        ("def f(told_by): ...", [(1, "told_by")]),
        ("class IsTold: ...", [(1, "IsTold")]),
        ("x._told()", [(1, "_told")]),
        ("f(\n    told=1)", [(2, "told")]),
        ("_LAST_WORDS = 1", [(1, "_LAST_WORDS")]),
        ("untold = words_last = 1", []),
        ('"""What f is."""', [(1, "What ...")]),
        ('class A:\n    x = 1\n    """What x is."""', [(3, "What ...")]),
        ('"""Whatever: the user can\'t know."""', []),
        ('raise ValueError(f"{x} can\'t be read")', [(1, "can't")]),
        ('x = """\nabc\ncan\'t\n"""', [(3, "can't")]),
        ("x = 1  # one of twins", [(1, "twins")]),
        ('"""Names.\n\nAll twins.\n"""', [(3, "twins")]),
    ],
)
def test_python(source: str, expected: list[tuple[int, str]]) -> None:
    assert words_of(source) == expected


def test_document() -> None:
    findings = check_document("# Title\nAll twins, told.\n", WORDS)
    assert [(finding.line, finding.word, finding.instead) for finding in findings] == [
        (2, "twins", "environment variables")
    ]


@pytest.mark.parametrize(
    "text",
    ["a line a sample", "one worker a device", "the twins", "it gave out", "came to an end", "the floors", "mend"],
)
def test_the_lists_refuse(text: str) -> None:
    assert check_document(text, read_words(WORDS_FILE))


@pytest.mark.parametrize(
    "text", ["one line per sample", "a line at a time", "math.floor(x)", "recommended", "a frame a time"]
)
def test_the_lists_accept(text: str) -> None:
    assert not check_document(text, read_words(WORDS_FILE))
