"""``mevis-bench new method NAME``: a working method to start from."""

import re
from pathlib import Path

from mevis_bench.methods.registry import find_methods
from mevis_bench.records import UsageError

_SKELETON = Path(__file__).parent / "skeleton"


def new_method(name: str, folder: Path) -> Path:
    """Copy the skeleton to a new folder under its new name.

    Args:
        name: Letters, digits, ``_`` and ``-``. The method's name is the same in lower case with ``_`` for ``-``.
        folder: Parent of the method's folder.

    Returns:
        The method's folder.

    Raises:
        UsageError: The name is no method name or taken, or the folder exists.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        message = f"invalid method name '{name}': expected letters, digits, _ and -, a letter first"
        raise UsageError(message, location="new method")
    title = name if name != name.lower() else name.replace("_", " ").replace("-", " ").capitalize()
    name = name.lower().replace("-", "_")
    taken = find_methods().methods.get(name)
    if taken is not None:
        raise UsageError(f"the name '{name}' is taken", location=str(taken.folder))
    place = folder / name
    if place.exists():
        raise UsageError("the folder exists", location=str(place), hint="Give another name or --out.")
    place.mkdir(parents=True)
    class_name = "".join(part.capitalize() for part in name.split("_"))
    for source in sorted(path for path in _SKELETON.iterdir() if path.is_file()):
        text = source.read_text().replace('"""Skeleton:', f'"""{title}:').replace("title: Skeleton", f"title: {title}")
        text = text.replace("# Skeleton", f"# {title}").replace("Skeleton", class_name).replace("skeleton", name)
        (place / source.name.replace("skeleton", name)).write_text(text)
    return place
