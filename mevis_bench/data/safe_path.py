"""Paths made of names that strangers' files give."""

from pathlib import Path, PurePosixPath, PureWindowsPath

from mevis_bench.records import DataError


def plain_name(name: object, *, what: str, location: str) -> str:
    """Return ``name`` if it can only name an entry of the folder it is looked up in.

    Raises:
        DataError: It is no string, empty, ``.`` or ``..``, or has a separator, a drive or a control character.
    """
    if not isinstance(name, str):
        raise DataError(f"{what} has to be a string, not {type(name).__name__}", location=location)
    harmless = name not in ("", ".", "..") and name.isprintable() and not set(name) & {"/", "\\", ":"}
    if not harmless:
        raise DataError(f"{what} {name!r} is no plain name", location=location)
    return name


def inside(folder: Path, relative: str, *, location: str) -> Path:
    """Return ``folder/relative`` if it stays in the folder, links followed; it need not exist.

    Raises:
        DataError: The path is absolute, has ``..`` or a control character, or a link on it leads out of the folder.
    """
    parts = PurePosixPath(relative).parts
    unsafe = PurePosixPath(relative).is_absolute() or PureWindowsPath(relative).drive or "\\" in relative
    if not parts or unsafe or ".." in parts or not relative.isprintable():
        raise DataError(f"path {relative!r} leaves the folder", location=location)
    path = folder / relative
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"path {relative!r} leaves the folder through a link", location=location)
    return path
