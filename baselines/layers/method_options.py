"""Check a variant's options, which ``--set method.<key>=<value>`` may have changed."""

from collections.abc import Mapping
from typing import TypeVar

from mevis_bench.records import UsageError

T = TypeVar("T")

PRECISIONS = ("float32", "bfloat16", "float16")
"""``float32``, or automatic mixed precision."""


def is_count(value: object) -> bool:
    """Whether a value is a whole number above 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def is_number(value: object) -> bool:
    """Whether a value is a number, whole or not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def choose(key: str, value: object, known: Mapping[str, T]) -> T:
    """Look an option's value up by name.

    Raises:
        UsageError: The name is not known.
    """
    require(key, value, value in known, " or ".join(known))
    return known[str(value)]


def require(key: str, value: object, fits: bool, wanted: str) -> None:
    """Raise ``UsageError`` naming the option, its value and what is wanted, unless the value fits."""
    if not fits:
        raise UsageError(f"{value!r} does not fit", location=f"method.{key}", hint=f"Wanted: {wanted}.")


def require_precision(value: object) -> None:
    """Raise ``UsageError`` unless a value is one of ``PRECISIONS``."""
    require("precision", value, value in PRECISIONS, ", ".join(PRECISIONS))
