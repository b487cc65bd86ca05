"""The one JSON reader: duplicate keys, NaN and oversized files are errors, which name the file and the place in it."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mevis_bench.files.reading import read_regular
from mevis_bench.records import DataError
from mevis_bench.records.bounds import Bounds

BOUNDS = Bounds(
    files="JSON of data sets and predictions",
    limits={"bytes": 8 * 2**30, "levels of nesting": 64, "digits of an integer": 19},
)
_LARGE_NUMBER = re.compile(r"[0-9]{20}|[0-9][eE]\+?[0-9]{3}")
"""Text without it has no number that :func:`_checked_int` or :func:`_checked_float` refuses."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


class _DuplicateKeyError(ValueError):
    """An object has the same key twice; plain ``json`` would silently keep the last value."""


def read_json(path: Path, on_duplicate: Callable[[str], None] | None = None) -> Any:
    """Read one JSON document.

    Args:
        path: The file.
        on_duplicate: Called with every duplicate key, whose last value counts; ``None``: a duplicate key is an error.

    Raises:
        DataError: The file cannot be read, is larger than ``BOUNDS``, or is not strict JSON, see :func:`parse_json`.
    """
    try:
        text = read_regular(path, BOUNDS)
    except FileNotFoundError as error:
        raise DataError(f"cannot be read: {error.strerror}", location=str(path)) from error
    return parse_json(text, str(path), on_duplicate)


def parse_json(text: bytes | str, location: str, on_duplicate: Callable[[str], None] | None = None) -> Any:
    """Parse one JSON document.

    Args:
        text: UTF-8, or text.
        location: File and key, for messages.
        on_duplicate: See :func:`read_json`.

    Raises:
        DataError: Not UTF-8, half of a surrogate pair, invalid or incomplete JSON, NaN or infinity, nested too deeply,
            an integer with too many digits, a number beyond the range of a float, or a duplicate key.
    """

    def refuse(key: str) -> None:
        raise _DuplicateKeyError(f"duplicate key {key!r}")

    report = on_duplicate or refuse

    def build(pairs: list[tuple[str, object]]) -> dict[str, object]:
        entries = dict(pairs)
        if len(entries) != len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    report(key)
                seen.add(key)
        return entries

    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")  # json.loads would take UTF-16 and UTF-32 too
        large = _LARGE_NUMBER.search(text) is not None
        value = json.loads(
            text,
            object_pairs_hook=build,
            parse_constant=_refuse_constant,
            parse_int=_checked_int if large else None,
            parse_float=_checked_float if large else None,
        )
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise DataError("invalid JSON: nested too deeply", location=location) from None
    except UnicodeDecodeError as error:
        raise DataError(f"invalid UTF-8: {error.reason} at byte {error.start}", location=location) from error
    except _DuplicateKeyError as error:
        raise DataError(str(error), location=location) from None
    except UnicodeEncodeError:
        raise DataError("invalid text: half of a surrogate pair", location=location) from None
    except ValueError as error:  # JSONDecodeError (names line and column), a constant, or a large number
        raise DataError(f"invalid JSON: {error}", location=location) from error
    levels = BOUNDS.limit("levels of nesting")
    if text.count("[") + text.count("{") > levels:
        BOUNDS.check("levels of nesting", _nesting(value, levels + 1), location)
    return value


def _nesting(value: object, enough: int) -> int:
    """Return the number of containers inside each other, at most ``enough``."""
    level: list[Any] = [value] if isinstance(value, dict | list) else []
    for depth in range(enough):
        if not level:
            return depth
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
    return enough


def _checked_int(text: str) -> int:
    digits = len(text.removeprefix("-"))
    if digits > BOUNDS.limit("digits of an integer"):
        raise ValueError(f"an integer of {digits} digits: expected at most {BOUNDS.limit('digits of an integer')}")
    return int(text)


def _checked_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def expect_type(value: Any, expected: type, location: str) -> Any:
    """Return ``value`` if it is of this JSON type.

    Raises:
        DataError: It is of another type.
    """
    if not isinstance(value, expected) or (expected is not bool and isinstance(value, bool)):
        raise DataError(f"expected {_NAMES[expected]}, got {json.dumps(value)[:60]}", location=location)
    return value


_NAMES = {dict: "an object", list: "an array", str: "a string", int: "an integer", bool: "true or false"}
