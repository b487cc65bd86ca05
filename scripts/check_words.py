"""Refuse words of refused_words.toml in identifiers, docstrings, messages, comments and documentation.

Prints one line per finding, ``path:line: 'word': instead``, and exits with 1 if there is any.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORDS_FILE = Path(__file__).with_name("refused_words.toml")
OWN_FILES = ("scripts/refused_words.toml", "tests/architecture/test_words.py")
DOCUMENTS = (".md", ".yaml", ".yml", ".html", ".toml")


@dataclass(frozen=True, slots=True)
class RefusedWords:
    """Contents of ``refused_words.toml``: four lists of words, each with its replacement.

    Attributes:
        identifiers: Whole words of identifiers.
        docstrings: First words of docstrings.
        messages: Regular expressions for string literals.
        texts: Regular expressions for all texts.
    """

    identifiers: Mapping[str, str]
    docstrings: Mapping[str, str]
    messages: Mapping[str, str]
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One refused word: its line, the word, and the replacement."""

    line: int
    word: str
    instead: str


def check_python(source: str, words: RefusedWords) -> list[Finding]:
    """Return the refused words of a Python module, by line."""
    tree = ast.parse(source)
    docstrings = dict(_docstrings(tree))
    findings = [
        Finding(line, name, words.identifiers[word])
        for line, name in sorted(set(_identifiers(tree)))
        for word in _words_in(name, tuple(words.identifiers))
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            findings += _matches(node.value, node.lineno, words.texts)
            if id(node) not in docstrings:
                findings += _matches(node.value, node.lineno, words.messages)
    for line, text in docstrings.values():
        first = re.match(r"\w+", text)
        if first and first[0] in words.docstrings:
            findings.append(Finding(line, f"{first[0]} ...", words.docstrings[first[0]]))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            findings += _matches(token.string, token.start[0], words.texts)
    return sorted(findings, key=lambda finding: finding.line)


def check_document(text: str, words: RefusedWords) -> list[Finding]:
    """Return the refused words of a document that is not Python, by line."""
    return [
        finding for number, line in enumerate(text.splitlines(), 1) for finding in _matches(line, number, words.texts)
    ]


def _matches(text: str, line: int, patterns: Mapping[str, str]) -> Iterator[Finding]:
    for pattern, instead in patterns.items():
        for match in re.finditer(pattern, text):
            yield Finding(line + text.count("\n", 0, match.start()), match[0], instead)


def _docstrings(tree: ast.AST) -> Iterator[tuple[int, tuple[int, str]]]:
    """Yield node id, line and text of every docstring; a string after a constant or attribute is a docstring, too."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else []:
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield id(value), (value.lineno, value.value)


def _identifiers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and name of every identifier: definitions, variables, arguments, attributes and keywords."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.Name():
                yield node.lineno, node.id
            case ast.Attribute():
                yield node.end_lineno or node.lineno, node.attr
            case ast.arg():
                yield node.lineno, node.arg
            case ast.keyword(arg=str()):
                yield node.lineno, str(node.arg)


@cache
def _words_in(identifier: str, words: tuple[str, ...]) -> Sequence[str]:
    """Return the words, or several joined by ``_``, that are whole words of a snake_case or CamelCase identifier."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", identifier).lower()
    return [word for word in words if f"_{word}_" in f"_{snake.strip('_')}_"]


def tracked_files() -> list[str]:
    """Return the paths of all files of the checkout that git does not ignore, relative to its root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in listing.stdout.splitlines() if (ROOT / path).is_file()]


def read_words(path: Path) -> RefusedWords:
    """Read the lists of refused words."""
    return RefusedWords(**tomllib.loads(path.read_text(encoding="utf-8")))


def main() -> int:
    """Check all files; return 1 if a refused word was found."""
    words = read_words(WORDS_FILE)
    failed = False
    for path in tracked_files():
        if path in OWN_FILES:
            continue
        if path.endswith(".py"):
            findings = check_python((ROOT / path).read_text(encoding="utf-8"), words)
        elif path.endswith(DOCUMENTS) or path == "Makefile":
            findings = check_document((ROOT / path).read_text(encoding="utf-8"), words)
        else:
            continue
        for finding in findings:
            failed = True
            print(f"{path}:{finding.line}: {finding.word!r}: write {finding.instead}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
