"""JSON files of strangers."""

import json
from collections.abc import Callable
from pathlib import Path

from mevis_bench.records import DataError


def read_json(path: Path, on_duplicate: Callable[[str], None] | None = None) -> object:
    """Read one JSON document.

    Args:
        path: The file.
        on_duplicate: Called with every key that an object has twice (the last one counts); ``None``: that is an error.

    Raises:
        DataError: The file can't be read, is no JSON (names line and column), or has a key twice.
    """

    def refuse(key: str) -> None:
        raise DataError(f"key {key!r} is there twice", location=str(path))

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
        return json.loads(path.read_bytes(), object_pairs_hook=build)
    except json.JSONDecodeError as error:
        raise DataError(f"not valid JSON: {error.msg}", location=f"{path}:{error.lineno}:{error.colno}") from error
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"can't be read: {error}", location=str(path)) from error
