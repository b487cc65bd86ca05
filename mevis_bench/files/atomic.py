"""Atomic writes: a killed process leaves a file or a line complete or not at all."""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mevis_bench.records import UsageError


def atomic_write(path: Path, content: str | bytes, *, durable: bool = True) -> None:
    """Write a draft, flush it to the disk, then rename it to ``path``.

    Missing folders are created; a link at ``path`` is replaced, not followed. ``durable=False`` leaves the flush to the
    system: a killed process still leaves no partial file, a power cut may, so readers of such files have to check them.

    Raises:
        UsageError: ``path`` is a folder, a device or another special file.
        OSError: The file cannot be written; the old one is unchanged.
    """
    check_target(path)
    draft = _draft(path)
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


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield the path of a draft, a file or folder for the caller to create, which is renamed to ``path`` afterwards.

    The draft is removed when the body raises. Missing parent folders are created.

    Raises:
        UsageError: ``path`` is a device or another special file.
        OSError: The folder cannot be created.
    """
    if not path.is_dir():
        check_target(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path)
    try:
        yield draft
        draft.replace(path)
    except BaseException:
        if draft.is_dir():
            shutil.rmtree(draft)
        draft.unlink(missing_ok=True)
        raise


def check_target(path: Path) -> None:
    """Refuse to write a whole file where something other than a regular file or a link is.

    Raises:
        UsageError: ``path`` is a folder, a device or another special file, which a rename would replace.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        what = "a folder" if stat.S_ISDIR(mode) else "a device or another special file"
        raise UsageError(f"cannot be written: it is {what}", location=str(path), hint="Give another path.")


def check_folder(folder: Path) -> None:
    """Check that files could be written into a folder, which need not exist, before any work is done for them.

    Raises:
        UsageError: A part of the path is another file, or is not writable.
    """
    existing = folder
    while not os.path.lexists(existing) and existing != existing.parent:
        existing = existing.parent
    reason = None
    if not existing.is_dir():
        reason = f"{existing} is not a folder"
    elif not os.access(existing, os.W_OK | os.X_OK):
        reason = f"{existing} is not writable"
    if reason is not None:
        raise UsageError(f"cannot write here: {reason}", location=str(folder), hint="Give another folder with --out.")


def _draft(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}.part")


def _opened(draft: Path) -> BinaryIO:
    draft.unlink(missing_ok=True)  # of a killed process with the same id, or a link that was laid there
    try:
        return draft.open("xb")
    except FileNotFoundError:
        draft.parent.mkdir(parents=True, exist_ok=True)
        return draft.open("xb")


def append_line(file: int, line: bytes, path: Path) -> None:
    """Append a line to an open file in one write. A killed process cannot lose it afterwards; a power cut may.

    Args:
        file: File descriptor, opened for appending.
        line: The line with its end.
        path: Name of the file, for the error.

    Raises:
        OSError: The disk is full; a part of the line may remain, which readers detect by its missing end.
    """
    try:
        written = os.write(file, line)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    if written != len(line):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))
