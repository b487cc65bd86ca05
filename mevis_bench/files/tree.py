"""One interface to a folder and a zip file: names with ``/`` and bytes."""

import os
import zipfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

from mevis_bench.files.names import validate_relative_path
from mevis_bench.files.reading import read_regular
from mevis_bench.records import DataError
from mevis_bench.records.bounds import Bounds

BOUNDS = Bounds(
    files="Predictions in a folder or zip: PNG masks, text tracks, lines of a run",
    limits={"bytes": 2**30, "bytes of a zip member": 64 * 2**20},
)


class FileTree(Protocol):
    """Read-only files below a root."""

    def names(self) -> Sequence[str]:
        """Return the relative names of all files, sorted; hidden files excluded."""
        ...

    def read(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            FileNotFoundError: No such file.
            DataError: It cannot be read.
        """
        ...

    def location(self, name: str) -> str:
        """Return the path of a file, for messages."""
        ...


class Folder:
    """A folder on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._prefix = f"{root}/"

    def names(self) -> Sequence[str]:
        """See :class:`FileTree`."""
        names = []
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if not name.startswith(".")]
            below = folder[len(self._prefix) :].replace(os.sep, "/").lstrip("/")
            names += [f"{below}/{name}" if below else name for name in files if not name.startswith(".")]
        return sorted(names)

    def read(self, name: str) -> bytes:
        """See :class:`FileTree`."""
        return read_regular(self._prefix + name, BOUNDS)

    def location(self, name: str) -> str:
        """See :class:`FileTree`."""
        return self._prefix + name


class ZipFolder:
    """A zip file. Nothing is ever extracted: names are keys, not paths."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __getstate__(self) -> Path:
        return self.path  # the open file is not pickled: another process opens its own

    def __setstate__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def _file(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self.path)
        except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
            raise DataError(f"not a zip file: {error}", location=str(self.path)) from error

    @cached_property
    def _members(self) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        for info in self._file.infolist():
            if info.is_dir() or _hidden(info.filename):
                continue
            if "\\" in info.orig_filename and ".." not in info.filename.replace("\\", "/").split("/"):
                raise DataError(
                    f"the zip was packed with backslashes in its names, for instance {info.orig_filename!r}",
                    location=str(self.path),
                    hint="Pack it again with a tool that writes '/', for instance python -m zipfile -c",
                )
            validate_relative_path(info.filename, "zip member", str(self.path))
            if info.filename in members:
                raise DataError(f"duplicate zip member {info.filename!r}", location=str(self.path))
            members[info.filename] = info
        return members

    def names(self) -> Sequence[str]:
        """See :class:`FileTree`."""
        return sorted(self._members)

    def read(self, name: str) -> bytes:
        """See :class:`FileTree`."""
        if name not in self._members:
            raise FileNotFoundError(name)
        info = self._members[name]
        BOUNDS.check("bytes of a zip member", info.file_size, self.location(name))
        try:
            return self._file.read(info)
        except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
            raise DataError(f"zip member cannot be read: {error}", location=self.location(name)) from error
        except Exception as error:
            # zlib.error, lzma.LZMAError and struct.error share no parent below Exception
            raise DataError(f"zip member cannot be unpacked: {error}", location=self.location(name)) from error

    def location(self, name: str) -> str:
        """See :class:`FileTree`."""
        return f"{self.path}:{name}"


def _hidden(name: str) -> bool:
    return any(part.startswith(".") and part != ".." for part in name.split("/"))
