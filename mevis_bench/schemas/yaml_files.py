"""YAML files to records."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mevis_bench.files.strict_yaml import Node, key_node, place, plain_value, read_node, value_node, with_settings
from mevis_bench.schemas.decode import FieldPath, decode

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class YamlSource:
    """A YAML document, options of the command line put over it.

    Attributes:
        root: Its root node.
    """

    root: Node

    def location(self, path: FieldPath) -> str:
        """See :class:`mevis_bench.schemas.decode.Source`: file and line, or the option."""
        return place(key_node(self.root, path))

    def text(self, path: FieldPath) -> str:
        """See :class:`mevis_bench.schemas.decode.Source`: ``3.10`` stays ``3.10``, a hash of digits stays a hash."""
        return str(value_node(self.root, path).value)


def read_yaml(path: Path, kind: type[T], settings: Sequence[str] = ()) -> T:
    """Read a YAML file into a record, ``settings`` (``a.b=c``) put over it.

    Raises:
        DataError: The file cannot be read, or a field is unknown, missing or invalid; names file and line, or the
            setting.
        UsageError: A setting is not of the form ``key=value``.
    """
    return decode_node(with_settings(read_node(path), settings), kind)


def decode_node(node: Node, kind: type[T]) -> T:
    """Convert a node to a record (see :func:`mevis_bench.schemas.decode.decode`)."""
    return decode(plain_value(node), kind, YamlSource(node))
