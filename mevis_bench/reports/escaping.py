"""Foreign text in each output format, one function per format: names and sentences are shown and never act.

Pages escape all texts by their templates (``reports.pages``).

Texts of data sets, methods and results come from untrusted people. Every function also makes control characters,
bidirectional overrides and lone surrogates visible as ``�``, because no format may carry them to a terminal.
"""

import re

_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Control characters but tab and line feed, separators that break lines, overrides of the direction, surrogates."""

_JSON_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}
_MARKDOWN = re.compile(
    r"[\\`*<>|~]"  # code, emphasis, HTML, cells, strikethrough
    r"|\](?=[(\[:])"  # links
    r"|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"  # emphasis; inside of a word it is none
    r"|(?<=http):|(?<=https):|(?<=ftp):|(?<=www)\."  # links without brackets
    r"|^[#+-](?=[#\s]|$)|^[=-](?=[=-]*$)",  # headings, lists, underlines of headings
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?=#?\w+;)")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain(text: str) -> str:
    """Return text for a terminal or a picture: nothing in it moves the cursor, changes colors or hides."""
    return _INVISIBLE.sub("�", text)


def one_line(text: str) -> str:
    """Return :func:`plain` text with every white space as one space."""
    return " ".join(plain(text).split())


def xml_text(text: str) -> str:
    """Return text for an XML library, which escapes markup but passes characters that XML does not have."""
    return plain(text)


def markdown_text(text: str) -> str:
    """Return text for one line or table cell of GitHub's Markdown."""
    return _ENTITY.sub("&amp;", _MARKDOWN.sub(r"\\\g<0>", one_line(text)))


def latex_text(text: str) -> str:
    """Return text for a line of LaTeX, in a comment too: it has no line break."""
    return "".join(_LATEX.get(character, character) for character in one_line(text))


def csv_text(text: str) -> str:
    """Return text for a CSV cell that no spreadsheet takes for a formula: one like it gets an apostrophe."""
    cell = one_line(text)
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def json_text(document: str) -> str:
    """Return a JSON document with every character escaped that would act on a terminal; it has the same value."""
    return _JSON_ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", document)
