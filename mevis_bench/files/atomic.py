"""Atomic writes: a killed process leaves a file or a line complete or not at all."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def atomic_write(path: Path, content: str | bytes, *, durable: bool = True) -> None:
    """Write a draft, flush it to the disk, then rename it to ``path``.

    Missing folders are created. ``durable=False`` leaves the flush to the system: a killed process still leaves no
    partial file, a power cut may, so readers of such files have to check them.
    """
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
    """
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


def _draft(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}.part")


def _opened(draft: Path) -> BinaryIO:
    try:
        return draft.open("wb")
    except FileNotFoundError:
        draft.parent.mkdir(parents=True, exist_ok=True)
        return draft.open("wb")


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
