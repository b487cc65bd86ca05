"""Check a training configuration against a dataclass."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

from mevis_bench.records import UsageError

T = TypeVar("T")


def read_train_options(options: object, kind: type[T], location: str = "") -> T:
    """Build ``kind``, a dataclass of plain values and of such dataclasses, from a resolved configuration.

    Args:
        options: A mapping with exactly the fields of ``kind``.
        kind: The dataclass.
        where: Keys that lead here, each with a dot behind it.

    Raises:
        UsageError: A key is unknown, missing or of the wrong kind.
    """
    if not isinstance(options, Mapping):
        raise UsageError(f"training option {location} must be a group of options")
    hints: dict[str, Any] = get_type_hints(kind)
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for key in options:
        if key not in names:
            raise UsageError(f"unknown training option {location}{key}", hint=f"Known: {', '.join(names)}.")
    values: dict[str, object] = {}
    for name in names:
        if name not in options:
            raise UsageError(f"training option {location}{name} is missing")
        value, wanted = options[name], hints[name]
        if is_dataclass(wanted):
            values[name] = read_train_options(value, wanted, f"{location}{name}.")  # type: ignore[arg-type]
        elif type(value) is wanted or (wanted is float and type(value) is int):
            values[name] = wanted(value)
        else:
            raise UsageError(f"training option {location}{name} must be {wanted.__name__}, not {value!r}")
    return kind(**values)
