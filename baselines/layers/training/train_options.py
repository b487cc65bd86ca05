"""Validation of a training configuration against a dataclass."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_origin, get_type_hints

from mevis_bench.records import UsageError

T = TypeVar("T")


def read_train_options(options: object, options_type: type[T], location: str = "") -> T:
    """Build a dataclass of plain values, lists and further such dataclasses from a resolved configuration.

    Args:
        options: A mapping with exactly the fields of ``options_type``.
        options_type: The dataclass.
        location: Keys of the enclosing groups, each followed by a dot.

    Raises:
        UsageError: A key is unknown or missing, or a value has the wrong type.
    """
    if not isinstance(options, Mapping):
        raise UsageError(f"training option {location} must be a group of options")
    hints: dict[str, Any] = get_type_hints(options_type)
    names = [field.name for field in fields(options_type)]  # type: ignore[arg-type]
    for key in options:
        if key not in names:
            raise UsageError(f"unknown training option {location}{key}", hint=f"Known: {', '.join(names)}.")
    values: dict[str, object] = {}
    for name in names:
        if name not in options:
            raise UsageError(f"training option {location}{name} is missing")
        value, expected = options[name], get_origin(hints[name]) or hints[name]
        if is_dataclass(expected):
            values[name] = read_train_options(value, expected, f"{location}{name}.")  # type: ignore[arg-type]
        elif type(value) is expected or (expected is float and type(value) is int):
            values[name] = expected(value)
        else:
            raise UsageError(f"training option {location}{name} must be {expected.__name__}, not {value!r}")
    return options_type(**values)
