"""JSON files of strangers: a doubled key is an error, and a value of the wrong type is named with its key."""

import json
from typing import Any

from mevis_bench.records import DataError


class DoubledKeyError(ValueError):
    """An object has the same key twice; plain ``json`` would silently keep the last."""


def parse_json(text: bytes | str, location: str) -> Any:
    """Parse one JSON document.

    Raises:
        DataError: Not UTF-8, no JSON, cut off, nested too deeply, or an object has a key twice.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except DoubledKeyError as error:
        raise DataError(str(error), location=location) from None
    except RecursionError:
        raise DataError("can't be read: nested too deeply", location=location) from None
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError
        raise DataError(f"can't be read: {error}", location=location) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        keys = [key for key, _ in pairs]
        doubled = next(key for index, key in enumerate(keys) if key in keys[:index])
        raise DoubledKeyError(f"key {doubled!r} is there twice")
    return values


def expect(value: Any, kind: type, location: str) -> Any:
    """Return ``value`` if it is of this JSON type.

    Raises:
        DataError: It is of another one.
    """
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise DataError(f"{_NAMES[kind]} is needed, not {json.dumps(value)[:60]}", location=location)
    return value


_NAMES = {dict: "an object", list: "an array", str: "a string", int: "a whole number", bool: "true or false"}
