"""JSON documents and lines to records, and records to JSON."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mevis_bench.files import strict_json
from mevis_bench.files.reading import read_regular
from mevis_bench.records import DataError
from mevis_bench.records.bounds import Bounds
from mevis_bench.schemas.decode import JsonSource, decode

BOUNDS = Bounds(files="JSON lines: scores, samples, history", limits={"bytes": 2**30})

T = TypeVar("T")
Upgrade = Callable[[dict[str, Any]], dict[str, Any]]


def decode_json(text: str | bytes, kind: type[T], location: str, hint: str | None = None) -> T:
    """Decode one JSON document.

    Args:
        text: The document.
        kind: Type of the record. If it has a field ``schema``, the field's default is the current schema number, and
            a document must have one. Its class variable ``upgrades`` holds, by ``n``, the function from a document of
            schema ``n`` to one of schema ``n + 1``; with an entry 0, documents without a number are read, too.
        location: Name of the document in messages: file, or file and line.
        hint: Hint of errors that have none.

    Raises:
        DataError: Not JSON, a duplicate key, a schema that this version does not read, or an unknown, missing or
            ill-typed field.
    """
    with _hint(hint):
        return decode_document(strict_json.parse_json(text, location), kind, location)


def decode_document(value: object, kind: type[T], location: str) -> T:
    """Decode a JSON document that is already parsed, see :func:`decode_json`."""
    current = schema_number(kind)
    if current is not None and isinstance(value, dict):
        value = _upgraded(value, current, getattr(kind, "upgrades", {}), location)
    return decode(value, kind, JsonSource(location))


def schema_number(kind: Any) -> int | None:
    """Return the current schema number of a format; ``None``: its documents have none."""
    field = kind.__dataclass_fields__.get("schema")
    return None if field is None else int(field.default)


def read_json_file(path: Path, kind: type[T], hint: str | None = None) -> T:
    """Read one JSON file (see :func:`decode_json`); ``hint`` goes with errors that have none.

    Raises:
        DataError: The file cannot be read, or as for :func:`decode_json`.
    """
    with _hint(hint):
        return decode_document(strict_json.read_json(path), kind, str(path))


def read_json_lines(path: Path, kind: type[T], hint: str | None = None) -> tuple[T, ...]:
    """Read a file with one JSON document per line, in file order (see :func:`read_json_file`).

    Raises:
        DataError: The file cannot be read, or as for :func:`decode_json`; names the line.
    """
    with _hint(hint):
        return decode_json_lines(_read(path), kind, str(path))


def decode_json_lines(content: bytes, kind: type[T], location: str) -> tuple[T, ...]:
    """Decode one JSON document per line.

    Raises:
        DataError: As for :func:`decode_json`; names the line.
    """
    lines = content.splitlines()
    return tuple(decode_json(line, kind, f"{location}:{number}") for number, line in enumerate(lines, 1))


@contextmanager
def _hint(hint: str | None) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        raise DataError(error.message, location=error.location, hint=error.hint or hint) from error


def plain(record: object) -> Any:
    """Convert a record to mappings, lists and scalars, as JSON has them."""
    return msgspec.to_builtins(record, enc_hook=_encode)


def encode_line(record: object) -> str:
    """Encode a record as one line of JSON, with its line end.

    Raises:
        ValueError: A number is not finite.
    """
    return json.dumps(plain(record), ensure_ascii=False, allow_nan=False) + "\n"


def encode_document(record: object, *, indent: int = 2, sort_keys: bool = False) -> str:
    """Encode a record as an indented JSON document.

    Raises:
        ValueError: A number is not finite.
    """
    text = json.dumps(plain(record), indent=indent, ensure_ascii=False, allow_nan=False, sort_keys=sort_keys)
    return text + "\n"


def _encode(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float):  # numpy's float64 is one
        return float(value)
    raise TypeError(f"cannot encode {type(value).__name__} as JSON")


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, BOUNDS)
    except FileNotFoundError as error:
        raise DataError(f"cannot be read: {error.strerror}", location=str(path)) from error


def _upgraded(value: dict[str, Any], current: int, upgrades: Mapping[int, Upgrade], location: str) -> dict[str, Any]:
    schema = value.get("schema", 0 if 0 in upgrades else None)
    if not isinstance(schema, int) or isinstance(schema, bool):
        found = "no schema number" if schema is None else f"schema {schema!r}"
        raise DataError(f"expected schema {current}, got {found}", location=location)
    if schema > current:
        raise DataError(
            f"schema {schema} is newer than this version reads ({current})",
            location=location,
            hint="Update mevis-bench.",
        )
    for number in range(schema, current):
        if number not in upgrades:
            raise DataError(f"schema {schema} is older than this version reads ({current})", location=location)
        value = {**upgrades[number](value), "schema": number + 1}
    return value
