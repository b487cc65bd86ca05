"""Reader of a YAML file of slices: one name and condition on per-sample columns per line."""

from collections.abc import Mapping
from pathlib import Path

from mevis_bench.files.strict_yaml import place, read_node
from mevis_bench.metrics.slices import ALL_SAMPLES, BUILT_IN, Slice
from mevis_bench.records import DataError
from mevis_bench.schemas.yaml_files import decode_node


def read_slices(path: Path) -> tuple[Slice, ...]:
    """Read ``name: condition`` lines, for instance ``long and small: frames >= 100 and size < 0.01``.

    Raises:
        DataError: The file is missing or not such a mapping, or a name is that of a built-in slice; names file and
            line.
    """
    node = read_node(path)
    conditions = decode_node(node, Mapping[str, str])  # type: ignore[type-abstract]
    places = {key.value: place(key) for key, _ in node.value}
    taken = {ALL_SAMPLES, *(slice_.name for slice_ in BUILT_IN)}
    for name in conditions:
        if name in taken:
            raise DataError(f"slice {name!r} is built in", location=places[name], hint="Give it another name.")
    return tuple(Slice(name, condition, places[name]) for name, condition in conditions.items())
