"""Type hints of a record's fields: what they contain, and the words for them in error messages."""

import dataclasses
import functools
import operator
import types
import typing
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

NUMBERS = (int, float)


@cache
def record_fields(kind: Any) -> Mapping[str, Any] | None:
    """Return the field types of a dataclass by field name; ``None``: ``kind`` is not a dataclass."""
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        return None
    hints = typing.get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


@cache
def required_fields(kind: Any) -> tuple[str, ...]:
    """Return the names of a dataclass's fields that have no default."""
    missing = dataclasses.MISSING
    return tuple(
        field.name
        for field in dataclasses.fields(kind)
        if field.default is missing and field.default_factory is missing
    )


@cache
def without_none(kind: Any) -> Any:
    """Return ``X`` for ``Annotated[X, ...]`` and for ``X | None``; any other type unchanged."""
    if typing.get_origin(kind) is typing.Annotated:
        return without_none(typing.get_args(kind)[0])
    members = union_members(kind)
    if len(members) == 2 and type(None) in members:
        return without_none(next(member for member in members if member is not type(None)))
    return kind


@cache
def item_type(kind: Any, index: int = 0) -> Any:
    """Return the type of a mapping's values or of a list's item; ``object`` where it is not declared.

    Args:
        kind: The type of the mapping or list.
        index: Position of the item; matters in lists of fixed length only, ``tuple[X, Y]``.
    """
    kind = without_none(kind)
    arguments = typing.get_args(kind)
    if is_mapping(kind):
        return arguments[1] if arguments else object
    if not is_list(kind) or not arguments:
        return object
    if not is_fixed_list(kind):
        return arguments[0]
    return arguments[index] if index < len(arguments) else object


def without_items(kind: Any) -> Any:
    """Return the type of mappings and lists of anything; for a union of both, their union."""
    kind = without_none(kind)
    members = union_members(kind)
    if members:
        return functools.reduce(operator.or_, map(without_items, members))
    return Mapping[str, object] if is_mapping(kind) else tuple[object, ...]


def is_mapping(kind: Any) -> bool:
    """Return whether a type is ``Mapping[...]`` or ``dict``."""
    return (typing.get_origin(kind) or kind) in (Mapping, dict)


def is_list(kind: Any) -> bool:
    """Return whether a type is ``tuple`` or ``list``."""
    return (typing.get_origin(kind) or kind) in (tuple, list)


def is_fixed_list(kind: Any) -> bool:
    """Return whether a type is a list of fixed length, ``tuple[X, Y]``."""
    arguments = typing.get_args(kind)
    return typing.get_origin(kind) is tuple and arguments[-1:] != (Ellipsis,)


def union_members(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union type; empty for other types."""
    return typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else ()


@cache
def holds_records(kind: Any) -> bool:
    """Return whether a value of this type can contain a record, so that its keys have to be checked."""
    kind = without_none(kind)
    if record_fields(kind) is not None:
        return True
    if not (is_mapping(kind) or is_list(kind)):
        return False
    return any(holds_records(item_type(kind, index)) for index in range(len(typing.get_args(kind))))


@cache
def takes_text(kind: Any) -> bool:
    """Return whether a field takes text but no number."""
    return without_none(kind) in (str, Path)


@cache
def expectation(kind: Any) -> str:
    """Return the words for a type in messages, for instance ``an integer >= 1``; null is not mentioned.

    ``msgspec.Meta(description=...)`` replaces the words of a type and its constraints.
    """
    if typing.get_origin(kind) is typing.Annotated:
        inner, *constraints = typing.get_args(kind)
        words = next((meta.description for meta in constraints if getattr(meta, "description", None)), None)
        if words is not None:
            return str(words)
        return " ".join([expectation(inner), *filter(None, map(_constraint, constraints))])
    if typing.get_origin(kind) is typing.Literal:
        return f"one of {', '.join(map(str, typing.get_args(kind)))}"
    members = union_members(kind)
    if members:
        hidden = (type(None), int) if float in map(without_none, members) else (type(None),)
        return " or ".join(expectation(member) for member in members if without_none(member) not in hidden)
    if record_fields(kind) is not None or is_mapping(kind):
        return "a mapping"
    if is_list(kind):
        return f"a list of {len(typing.get_args(kind))} items" if is_fixed_list(kind) else "a list"
    return _WORDS.get(kind, str(kind))


_WORDS: Mapping[Any, str] = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "text",
    Path: "a path",
}


def _constraint(constraint: Any) -> str:
    if not isinstance(constraint, msgspec.Meta):
        return ""
    signs = {">=": constraint.ge, ">": constraint.gt, "<=": constraint.le, "<": constraint.lt}
    words = [f"{sign} {bound:g}" for sign, bound in signs.items() if bound is not None]
    if constraint.multiple_of is not None:
        words.append(f"a multiple of {constraint.multiple_of:g}")
    if constraint.pattern is not None:
        words.append(f"matching {constraint.pattern}")
    if constraint.min_length is not None:
        words.append(f"with at least {constraint.min_length} item{'s' * (constraint.min_length != 1)}")
    return " and ".join(words)
