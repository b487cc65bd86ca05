"""YAML as nodes with file and line. Duplicate keys are errors; ``true`` and ``false`` are the only booleans.

Differences from YAML 1.1, each a known trap: ``yes``, ``no``, ``on`` and ``off`` are strings, ``1e-4`` is a number,
a duplicate key is an error, and there are no tags, so nothing in a file can name code.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import yaml

from mevis_bench.files.reading import read_regular
from mevis_bench.records import DataError, UsageError
from mevis_bench.records.bounds import Bounds

BOUNDS = Bounds(
    files="YAML: configurations, method.yaml, suites, slices",
    limits={"bytes": 2**18, "brackets": 5000, "levels of nesting": 32, "aliases": 16, "digits of an integer": 19},
)


class _StrictLoader(yaml.SafeLoader):
    """Resolves plain scalars to bool, int, float, null or str."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._aliases = 0
        self._parents: list[str | None] = []
        """Anchors of the nodes around the present one, outermost first."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a node within ``BOUNDS``; nested aliases stand for exponentially many values."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            self._aliases += 1
            if self._aliases > BOUNDS.limit("aliases"):
                self._refuse(event, f"more than {BOUNDS.limit('aliases')} aliases")
            if event.anchor in self._parents:
                self._refuse(event, f"alias {event.anchor!r} of a value that it is part of")
        elif len(self._parents) >= BOUNDS.limit("levels of nesting"):
            self._refuse(event, f"more than {BOUNDS.limit('levels of nesting')} levels of nesting")
        elif isinstance(event, yaml.ScalarEvent) and not _is_unicode(event.value):
            self._refuse(event, "half of a surrogate pair")
        self._parents.append(getattr(event, "anchor", None))
        node = super().compose_node(parent, index)
        self._parents.pop()
        return node

    def _refuse(self, event: Any, problem: str) -> NoReturn:
        raise yaml.MarkedYAMLError(None, None, problem, event.start_mark)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


_StrictLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", "-+.0123456789"),
    ("null", r"null|~|", ["n", "~", ""]),
):
    _StrictLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))

Node = yaml.Node


def read_node(path: Path) -> Node:
    """Read one YAML file.

    Raises:
        DataError: The file is missing, larger than ``BOUNDS``, not YAML, empty, or has a duplicate key or too
            many aliases;
            with file and line.
    """
    try:
        text = read_regular(path, BOUNDS).decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError("no such file", location=str(path)) from None
    except UnicodeDecodeError as error:
        raise DataError(f"cannot be read: {error}", location=str(path)) from error
    return parse_node(text, str(path))


def parse_node(text: str, name: str) -> Node:
    """Parse YAML text; ``name`` is the file's name in messages.

    Raises:
        DataError: As in ``read_node``.
    """
    # PyYAML takes time that grows with the square of the number of open brackets.
    BOUNDS.check("brackets", text.count("[") + text.count("{"), name)
    try:
        # _StrictLoader is a SafeLoader: it builds no Python objects.
        loader = _StrictLoader(text)
        loader.name = name
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        location = f"{name}:{mark.line + 1}" if mark else name
        raise DataError(f"invalid YAML: {error.problem}", location=location) from None
    except yaml.YAMLError as error:
        raise DataError(f"invalid YAML: {error}", location=name) from None
    if node is None:
        raise DataError("the file is empty", location=name)
    _check_keys(node)
    return node


def place(node: Node) -> str:
    """Return the location of a node: ``file:line``, or the option that it came from."""
    name = str(node.start_mark.name)
    return name if name.startswith("--") else f"{name}:{node.start_mark.line + 1}"


def plain_value(node: Node) -> Any:
    """Convert a node to mappings, lists and scalars.

    Raises:
        DataError: A scalar has a tag.
    """
    if isinstance(node, yaml.MappingNode):
        return {key.value: plain_value(child) for key, child in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [plain_value(child) for child in node.value]
    tag = str(node.tag).removeprefix("tag:yaml.org,2002:")
    if tag not in _SCALARS:
        raise DataError(f"tag '{node.tag}' is not allowed", location=place(node))
    digits = len(node.value.lstrip("+-"))
    if tag == "int":
        BOUNDS.check("digits of an integer", digits, place(node))
    return _SCALARS[tag](node.value)


def _number(text: str) -> float:
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


_SCALARS: Mapping[str, Callable[[str], object]] = {
    "bool": lambda text: text == "true",
    "int": int,
    "float": _number,
    "str": str,
    "null": lambda text: None,
}


def key_node(root: Node, path: Sequence[str | int]) -> Node:
    """Return the node of a path's last key (of an item itself in a list), or of its deepest part that exists.

    A value that an option of the command line set is returned in place of its key, because it knows the option.
    """
    found = node = root
    for part in path:
        entry = _entry(node, part)
        if entry is None:
            return found
        key, node = entry
        found = node if place(node).startswith("--") else key
    return found


def value_node(root: Node, path: Sequence[str | int]) -> Node:
    """Return the node of a path's value, or of its deepest part that exists."""
    node = root
    for part in path:
        entry = _entry(node, part)
        if entry is None:
            return node
        node = entry[1]
    return node


def _entry(node: Node, part: str | int) -> tuple[Node, Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key, child) for key, child in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        return node.value[part], node.value[part]
    return None


def with_settings(node: Node, settings: Sequence[str]) -> Node:
    """Override a file's values by ``a.b=c`` settings, in order; the tree is changed in place.

    Values are YAML (``--set lr=1e-4``, ``--set sizes=[1,2]``). Whether a key is known is checked when the tree is
    decoded, as for keys of the file.

    Raises:
        UsageError: A setting is not of the form ``key=value``, or a part of its key is not a mapping.
    """
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key or not all(key.split(".")):
            raise UsageError(f"'--set {setting}': expected key=value", hint="For example --set method.seed=1")
        name = f"--set {setting}"
        scalar = parse_node(value if value.strip() else "''", name)
        _put(node, key.split("."), scalar, name)
    return node


def with_flag(node: Node, key: str, value: object) -> Node:
    """Override a file's value by that of an option; ``key`` is the option's name with ``_`` for ``-``."""
    name = f"--{key.replace('_', '-')}"
    _put(node, [key], parse_node(json.dumps(value), name), name)
    return node


def _put(node: Node, path: Sequence[str], value: Node, name: str) -> None:
    if not isinstance(node, yaml.MappingNode):
        raise UsageError(f"cannot set '{path[0]}': its parent is not a mapping", location=name)
    head, *rest = path
    for index, (key, child) in enumerate(node.value):
        if key.value == head:
            if rest:
                _put(child, rest, value, name)
            else:
                node.value[index] = (key, value)
            return
    key = yaml.ScalarNode("tag:yaml.org,2002:str", head, value.start_mark, value.end_mark)
    if rest:
        inner = yaml.MappingNode("tag:yaml.org,2002:map", [], value.start_mark, value.end_mark)
        node.value.append((key, inner))
        _put(inner, rest, value, name)
    else:
        node.value.append((key, value))


def _check_keys(node: Node) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, Node] = {}
        for key, child in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise DataError("a key must be a scalar", location=place(key))
            if key.value in seen:
                first = seen[key.value].start_mark.line + 1
                raise DataError(f"duplicate key '{key.value}' (first in line {first})", location=place(key))
            seen[key.value] = key
            _check_keys(child)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _check_keys(child)
