"""Files and lines that are whole or not there, whenever the process is killed; and names that stay in their folder."""

import errno
import os
import re
from pathlib import Path
from typing import BinaryIO

from mevis_bench.records import DataError

_PLAIN = re.compile(r"[^./\\\x00-\x1f][^/\\\x00-\x1f]*")


def atomic_write(path: Path, content: str | bytes, *, durable: bool = True) -> None:
    """Write a file under another name, flush it to the disk, then give it its own name.

    Folders are made where they are missing. ``durable=False`` leaves the flush to the system: a kill still leaves no
    piece, a power cut may, so who reads such files has to check them.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with _opened(draft) as file:
            file.write(content.encode() if isinstance(content, str) else content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _opened(draft: Path) -> BinaryIO:
    try:
        return draft.open("wb")
    except FileNotFoundError:
        draft.parent.mkdir(parents=True, exist_ok=True)
        return draft.open("wb")


def append_line(file: int, line: bytes, path: Path) -> None:
    """Add a line to the open file of a path in one write. A kill after it can't lose the line; a power cut may.

    Raises:
        OSError: The disk is full; a piece of the line may be left, which readers must know by its missing end.
    """
    try:
        written = os.write(file, line)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    if written != len(line):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))


def inside(folder: Path, *names: str) -> Path:
    """Join ids from a data file to a folder, each as one plain file or folder name.

    Raises:
        DataError: A name is empty, starts with a dot, or holds a separator or a control character, so that it could
            leave the folder or hide in it.
    """
    for name in names:
        if not _PLAIN.fullmatch(name):
            raise DataError(f"the id {name!r} can't be a file name", location=str(folder))
    return folder.joinpath(*names)
