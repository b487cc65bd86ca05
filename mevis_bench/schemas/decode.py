"""Plain values to records: unknown, missing, renamed and ill-typed fields are named with file and field."""

import dataclasses
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeGuard, TypeVar

import msgspec

from mevis_bench.records import DataError
from mevis_bench.records.errors import RenamedFieldWarning
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.schemas.field_types import (
    NUMBERS,
    expectation,
    holds_records,
    is_list,
    is_mapping,
    item_type,
    record_fields,
    required_fields,
    takes_text,
    without_items,
    without_none,
)

T = TypeVar("T")
FieldPath = tuple[str | int, ...]


class Source(Protocol):
    """Source of plain values."""

    def location(self, path: FieldPath) -> str:
        """Return the location of a field for messages, as exactly as it is known."""
        ...

    def text(self, path: FieldPath) -> str | None:
        """Return the characters of a number in the file; ``None``: the format distinguishes text and numbers."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class JsonSource:
    """A JSON document.

    Attributes:
        name: File, or file and line.
    """

    name: str

    def location(self, path: FieldPath) -> str:
        """See :class:`Source`."""
        return self.name

    def text(self, path: FieldPath) -> str | None:
        """See :class:`Source`."""
        return None


def decode(value: object, kind: type[T], source: Source) -> T:
    """Convert plain values (mappings, lists, scalars) to ``kind``.

    Fields with a default may be left out; unknown fields are refused. Field types: bool, int, float, str, Path,
    ``X | None``, ``Literal``, ``tuple[X, ...]``, ``tuple[X, Y]``, ``Mapping[str, X]``, dataclasses, ``object`` for any
    plain value, and ``Annotated[X, msgspec.Meta(...)]``. A dataclass may have a class variable ``renamed_fields``: the
    new name of a field by its old one, which is read with a ``RenamedFieldWarning``.

    Raises:
        DataError: A field is unknown, missing, ill-typed or out of range, or a number is not finite.
    """
    checked = _check(value, kind, (), source)
    try:
        return msgspec.convert(checked, kind, dec_hook=_decode_custom)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, ValueError) and not isinstance(error.__cause__, msgspec.ValidationError):
            # fields that contradict each other, from a record's __post_init__
            raise DataError(str(error.__cause__), location=source.location(())) from error
        raise _invalid(checked, kind, source) from error


def decode_external(value: object, kind: type[T], location: str) -> T:
    """Convert plain values of a JSON file of another tool to ``kind``; keys that ``kind`` does not have are ignored.

    Raises:
        DataError: A field is missing or ill-typed.
    """
    try:
        return msgspec.convert(value, kind, dec_hook=_decode_custom)
    except msgspec.ValidationError as error:
        raise _invalid(value, kind, JsonSource(location)) from error


def decode_key(value: object, record: type, name: str, location: str, *, deep: bool = True) -> Any:
    """Convert one key of a record of another tool's file, whatever is wrong with its other keys.

    Args:
        value: The record as plain values.
        record: Its dataclass.
        name: The field.
        location: Location of the record.
        deep: ``False``: of a mapping or list, only that it is one is checked.

    Returns:
        The field; its default where the key is missing.

    Raises:
        DataError: The key is missing and has no default, or is ill-typed.
    """
    kind = (record_fields(record) or {})[name]
    if not isinstance(value, dict):
        raise DataError(f"expected a mapping with '{name}', got {_describe(value)}", location=location)
    if name not in value:
        if name in required_fields(record):
            raise DataError(f"missing key '{name}'", location=location)
        return next(field.default for field in dataclasses.fields(record) if field.name == name)
    if not deep:
        kind = without_items(kind)
    try:
        return msgspec.convert(value[name], kind, dec_hook=_decode_custom)
    except msgspec.ValidationError as error:
        raise _invalid(value[name], kind, JsonSource(location), (name,)) from error


def _invalid(value: object, kind: Any, source: Source, parent: FieldPath = ()) -> DataError:
    """Return the error for the first missing or ill-typed field."""
    path, found, expected = _locate(value, kind, parent)
    record = without_none(expected)
    missing = [key for key in required_fields(record) if key not in found] if _is_record(found, record) else []
    if missing:
        return DataError(f"missing key '{display((*path, missing[0]))}'", location=source.location(path))
    name = f"'{display(path)}': " if path else ""
    return DataError(f"{name}expected {expectation(expected)}, got {_describe(found)}", location=source.location(path))


def _is_record(value: object, kind: Any) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict) and record_fields(kind) is not None


def display(path: FieldPath) -> str:
    """Return a field's path for messages, for instance ``variants.mini.tasks[0]``."""
    words = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(words).removeprefix(".")


def _check(value: Any, kind: Any, path: FieldPath, source: Source) -> Any:
    """Return ``value`` with current field names and, where text is expected, with numbers as written."""
    if isinstance(value, NUMBERS) and not isinstance(value, bool):
        return _check_number(value, kind, path, source)
    if not isinstance(value, dict | list) or kind is object:
        return value
    inner = without_none(kind)
    fields = record_fields(inner)
    if isinstance(value, dict) and fields is not None:
        value = current_names(value, inner, path, source)
        _check_names(value, inner, path, source)
        return {name: _check(child, fields[name], (*path, name), source) for name, child in value.items()}
    if isinstance(source, JsonSource) and not holds_records(inner):
        return value  # only names are checked here, and these values have none: long arrays stay fast
    if isinstance(value, dict):
        return {name: _check(child, item_type(inner), (*path, name), source) for name, child in value.items()}
    return [_check(child, item_type(inner, index), (*path, index), source) for index, child in enumerate(value)]


def _check_number(value: float, kind: Any, path: FieldPath, source: Source) -> object:
    if takes_text(kind):
        text = source.text(path)
        return value if text is None else text
    if kind is not object and not math.isfinite(value):
        raise DataError(f"'{display(path)}': expected a finite number, got {value}", location=source.location(path))
    return value


def current_names(value: Mapping[str, Any], kind: Any, path: FieldPath, source: Source) -> dict[str, Any]:
    """Return ``value`` with the current names of the record's fields; a former name is read with a warning.

    Raises:
        DataError: A field has both its former and its current name.
    """
    renamed: Mapping[str, str] = getattr(kind, "renamed_fields", {})
    old_names = [name for name in value if name in renamed]
    for old in old_names:
        new, location = renamed[old], source.location((*path, old))
        if new in value:
            raise DataError(f"duplicate key '{display((*path, new))}': '{old}' is its old name", location=location)
        warnings.warn(
            f"{location}: '{old}' is now called '{new}'; the old name is read for one more release",
            RenamedFieldWarning,
            stacklevel=2,
        )
    return {renamed.get(name, name): child for name, child in value.items()}


def _check_names(value: Mapping[str, object], kind: Any, path: FieldPath, source: Source) -> None:
    fields = record_fields(kind) or {}
    for name in value:
        if name not in fields:
            raise DataError(
                f"unknown key '{display((*path, name))}'",
                location=source.location((*path, name)),
                hint=did_you_mean(name, list(fields)),
            )
    for name in required_fields(kind):
        if name not in value:
            raise DataError(f"missing key '{display((*path, name))}'", location=source.location(path))


def _locate(value: Any, kind: Any, path: FieldPath) -> tuple[FieldPath, object, Any]:
    """Return path, value and type of the first ill-typed field; msgspec's message leaves out the keys of mappings."""
    inner = kind if value is None else without_none(kind)
    fields = record_fields(inner)
    children: list[tuple[str | int, Any, Any]] = []
    if isinstance(value, dict) and (fields is not None or is_mapping(inner)):
        children = [
            (name, child, item_type(inner) if fields is None else fields.get(name)) for name, child in value.items()
        ]
    elif isinstance(value, list) and is_list(inner):
        children = [(index, child, item_type(inner, index)) for index, child in enumerate(value)]
    for name, child, child_kind in children:
        if child_kind is not None and not _is_valid(child, child_kind):
            return _locate(child, child_kind, (*path, name))
    return path, value, kind


def _is_valid(value: object, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind, dec_hook=_decode_custom)
    except msgspec.ValidationError:
        return False
    return True


def _decode_custom(kind: type, value: object) -> object:
    """Convert values of the field types that msgspec does not know."""
    if kind is object:
        return value
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise msgspec.ValidationError(f"expected {expectation(kind)}")


def _describe(value: object) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "a list" if value else "an empty list"
    text = _CONSTANTS[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


_CONSTANTS: Mapping[object, str] = {None: "null", True: "true", False: "false"}
