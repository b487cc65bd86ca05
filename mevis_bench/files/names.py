"""The one rule for names and relative paths that come from files, and for joining them to a folder."""

import os
from pathlib import Path

from mevis_bench.records import DataError
from mevis_bench.records.bounds import Bounds

BOUNDS = Bounds(files="Names of videos, expressions and frames in any file", limits={"bytes": 200})

MAX_NAME_BYTES = BOUNDS.limit("bytes")
"""Longest name in UTF-8. File systems allow 255; writers add a suffix and, to drafts, a process id."""

_FORBIDDEN = frozenset("/\\:")
"""Separators of paths, and the colon of Windows drives and streams."""


def validate_name(name: object, kind: str, location: str | None = None) -> str:
    """Return ``name`` if it can be one file or folder name on every platform.

    Args:
        name: An id of a video, an expression or a frame, or any other name that becomes part of a path.
        kind: Noun for the message, for instance ``video id``.
        location: File and key, or flag, for the message.

    Raises:
        DataError: Not a string, empty, longer than :data:`MAX_NAME_BYTES`, starts with a dot, or contains a separator,
            a colon or an unprintable character.
    """
    reason = _reason(name)
    if reason is not None:
        raise DataError(f"invalid {kind} {name!r}: {reason}", location=location)
    return str(name)


def is_valid_name(name: str) -> bool:
    """Whether :func:`validate_name` accepts ``name``."""
    return _reason(name) is None


def _reason(name: object) -> str | None:
    if not isinstance(name, str):
        return f"expected a string, got {type(name).__name__}"
    if not name:
        return "it is empty"
    if name.startswith("."):
        return "it starts with a dot"
    if not _FORBIDDEN.isdisjoint(name):
        return "it contains '/', '\\' or ':'"
    if not name.isprintable():
        return "it contains an unprintable character"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"it is longer than {MAX_NAME_BYTES} bytes"
    return None


def validate_relative_path(path: object, kind: str, location: str | None = None) -> str:
    """Return ``path`` if it is one or more valid names with ``/`` between them.

    Raises:
        DataError: Not a string, absolute, or one of its parts is not a valid name (``..`` is none).
    """
    if not isinstance(path, str):
        raise DataError(f"invalid {kind} {path!r}: expected a string, got {type(path).__name__}", location=location)
    for part in path.split("/"):
        reason = "it is absolute or has an empty part" if not part else _reason(part)
        if reason is not None:
            shown = "" if part in ("", path) else f" ({part!r})"
            raise DataError(f"invalid {kind} {path!r}{shown}: {reason}", location=location)
    return path


def safe_join(folder: Path, *names: str, suffix: str = "", kind: str = "name", location: str | None = None) -> Path:
    """Join names to a folder; ``suffix`` is appended to the last one.

    Raises:
        DataError: A name is invalid, see :func:`validate_name`; without ``location`` the folder is named.
    """
    for name in names:
        validate_name(name, kind, location or str(folder))
    return folder.joinpath(*names[:-1], names[-1] + suffix)


FOLLOW_LINKS_VARIABLE = "MEVIS_BENCH_FOLLOW_LINKS"
"""Environment variable of ``--follow-links``; worker processes inherit it."""


def follow_links() -> None:
    """Allow links to lead out of the folders of data sets, in this process and in those that it starts."""
    os.environ[FOLLOW_LINKS_VARIABLE] = "1"


def resolve_inside(
    folder: Path, relative: object, kind: str, location: str | None = None, *, within: Path | None = None
) -> Path:
    """Return ``folder/relative`` if it stays in the folder, links followed; it need not exist.

    A link may lead to the files of a Hugging Face cache that the folder belongs to, whose snapshots are links, and
    anywhere after :func:`follow_links`.

    Args:
        folder: Start of the path.
        relative: The path from there, of valid names.
        kind: Noun for the message.
        location: File and key for the message.
        within: Folder that links may lead to; ``None``: ``folder``.

    Raises:
        DataError: The path is invalid, see :func:`validate_relative_path`, or a link on it leads out of the folder.
    """
    path = folder / validate_relative_path(relative, kind, location)
    if os.environ.get(FOLLOW_LINKS_VARIABLE) == "1":
        return path
    root, target = (within or folder).resolve(), path.resolve()
    if not target.is_relative_to(root) and not _is_in_cache_of(root, target):
        raise DataError(
            f"{kind} {relative!r} leaves the folder through a link",
            location=location,
            hint="If the link can be trusted: mevis-bench --follow-links COMMAND.",
        )
    return path


def _is_in_cache_of(root: Path, target: Path) -> bool:
    """Whether ``root`` is in ``<cache>/snapshots/<revision>`` and ``target`` in ``<cache>/blobs``."""
    parts = root.parts
    caches = (Path(*parts[:i]) for i, name in enumerate(parts[:-1]) if name == "snapshots" and i > 0)
    return any(target.is_relative_to(cache / "blobs") for cache in caches)
