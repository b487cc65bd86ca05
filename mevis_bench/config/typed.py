"""YAML nodes to frozen dataclasses: unknown, missing or mistyped keys are named with file, line and a suggestion."""

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from mevis_bench.config.strict_yaml import Node, place, read_node, with_settings
from mevis_bench.records import DataError
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.records.task_names import OneOf

T = TypeVar("T")

_SCALARS: Mapping[type, tuple[str, str]] = {
    bool: ("bool", "true or false"),
    int: ("int", "a whole number"),
    float: ("float", "a number"),
    str: ("str", "text"),
    Path: ("str", "a path"),
}


def read_config(path: Path, kind: type[T], settings: Sequence[str] = ()) -> T:
    """Read a YAML file into a dataclass, settings (``a.b=c``) put over it.

    Fields with a default may be left out. Understood field types: bool, int, float, str, Path, ``X | None``,
    ``Literal``, ``Annotated[X, OneOf(...)]``, ``tuple[X, ...]``, ``Mapping[str, X]``, dataclasses, and ``object`` for
    any plain value.

    Raises:
        DataError: Anything is not as ``kind`` wants it; names file and line, or the setting.
        UsageError: A setting is not of the form ``key=value``.
    """
    return build(with_settings(read_node(path), settings), kind)


def build(node: Node, kind: type[T]) -> T:
    """Turn a node into a value of type ``kind`` (see ``read_config``)."""
    return typing.cast(T, _convert(node, kind, "the file"))


def plain(node: Node) -> object:
    """Turn a node into dicts, lists and scalars."""
    return _convert(node, object, "the file")


def _convert(node: Node, kind: Any, key: str) -> Any:
    if kind is object:
        return _plain(node, key)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(node, kind, key)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        inner, choices = arguments
        return _choice(node, inner, choices, key)
    if origin in (typing.Union, types.UnionType):
        if type(None) in arguments and _tag(node) == "null":
            return None
        (inner,) = [argument for argument in arguments if argument is not type(None)]
        return _convert(node, inner, key)
    if origin is typing.Literal:
        value = _plain(node, key)
        if value not in arguments:
            raise _wrong(node, key, f"one of {', '.join(map(str, arguments))}")
        return value
    if origin is tuple:
        if not isinstance(node, yaml.SequenceNode):
            raise _wrong(node, key, "a list")
        return tuple(_convert(child, arguments[0], f"{key}[{index}]") for index, child in enumerate(node.value))
    if origin is Mapping or origin is dict:
        if not isinstance(node, yaml.MappingNode):
            raise _wrong(node, key, "a mapping")
        return {name.value: _convert(child, arguments[1], name.value) for name, child in node.value}
    return _scalar(node, kind, key)


def _choice(node: Node, kind: Any, choices: OneOf, key: str) -> Any:
    value = _convert(node, kind, key)
    if value not in choices.values:
        raise _wrong(node, key, f"one of {', '.join(choices.values)}")
    return value


def _scalar(node: Node, kind: Any, key: str) -> Any:
    wanted, words = _SCALARS[kind]
    # A number where text is wanted is taken as it is written: 3.10 stays "3.10", a hash of digits stays a hash.
    also = {float: ("int",), str: ("int", "float"), Path: ("int", "float")}.get(kind, ())
    if _tag(node) != wanted and _tag(node) not in also:
        raise _wrong(node, key, words)
    return _SCALAR_VALUES[wanted](node.value) if kind is not Path else Path(node.value)


def _number(text: str) -> float:
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


_SCALAR_VALUES: Mapping[str, Any] = {
    "bool": lambda text: text == "true",
    "int": int,
    "float": _number,
    "str": str,
    "null": lambda text: None,
}


def _plain(node: Node, key: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {name.value: _plain(child, name.value) for name, child in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, key) for child in node.value]
    tag = _tag(node)
    if tag not in _SCALAR_VALUES:
        raise DataError(f"'{key}' carries the tag '{node.tag}'; tags are not read", location=place(node))
    return _SCALAR_VALUES[tag](node.value)


def _dataclass(node: Node, kind: Any, key: str) -> Any:
    if not isinstance(node, yaml.MappingNode):
        raise _wrong(node, key, "a mapping")
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    values = {}
    for name, child in node.value:
        if name.value not in fields:
            raise DataError(
                f"unknown key '{name.value}'", location=place(name), hint=did_you_mean(name.value, list(fields))
            )
        values[name.value] = _convert(child, hints[name.value], name.value)
    for name, field in fields.items():
        optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if name not in values and not optional:
            raise DataError(f"key '{name}' is missing", location=place(node))
    return kind(**values)


def _tag(node: Node) -> str:
    return str(node.tag).removeprefix("tag:yaml.org,2002:")


def _wrong(node: Node, key: str, wanted: str) -> DataError:
    found = f"'{node.value}'"
    if isinstance(node, yaml.CollectionNode):
        found = "a mapping" if isinstance(node, yaml.MappingNode) else "a list"
    return DataError(f"'{key}' must be {wanted}, not {found}", location=place(node))
