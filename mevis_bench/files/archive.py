"""Unpacking of tar archives of unknown origin: only files and folders, only below the target."""

import shutil
import tarfile
from pathlib import Path

from mevis_bench.files.atomic import atomic_path
from mevis_bench.files.names import validate_relative_path
from mevis_bench.records import DataError
from mevis_bench.records.bounds import Bounds

BOUNDS = Bounds(files="Archives of downloaded data sets", limits={"members": 20_000_000, "bytes unpacked": 2**41})

SUFFIXES = (".tar.gz", ".tgz", ".tar")


def is_archive(name: str) -> bool:
    """Return whether a file is unpacked, by its name."""
    return name.endswith(SUFFIXES)


def unpacked_name(name: str) -> str:
    """Return the path of the folder that an archive is unpacked to: its own, without the suffix."""
    return name.removesuffix(next(suffix for suffix in SUFFIXES if name.endswith(suffix)))


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar archive into a new folder, which appears when it is complete.

    A top folder of the same name as ``folder`` is left out, so that it is not there twice. Hidden files are skipped.

    Raises:
        DataError: Not a tar archive, truncated, beyond the limits; or a member is neither file nor folder, or its path
            leaves the folder.
        OSError: The disk is full.
    """
    size = 0
    with atomic_path(folder) as draft:
        draft.mkdir()
        try:
            with tarfile.open(archive) as tar:
                for count, member in enumerate(tar, 1):
                    size += member.size
                    BOUNDS.check("members", count, str(archive))
                    BOUNDS.check("bytes unpacked", size, str(archive))
                    _extract(tar, member, draft, folder.name, str(archive))
        except (tarfile.TarError, EOFError) as error:
            raise DataError(f"not a tar archive, or truncated: {error}", location=str(archive)) from error


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, top: str, location: str) -> None:
    parts = [part for part in member.name.split("/") if part != "."]
    if any(part.startswith(".") and part != ".." for part in parts):
        return
    parts = parts[1:] if parts[:1] == [top] else parts
    if not parts:
        return
    path = folder / validate_relative_path("/".join(parts), "member", location)
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    content = tar.extractfile(member) if member.isreg() else None
    if content is None:
        raise DataError(f"{member.name!r} is neither a file nor a folder", location=location)
    path.parent.mkdir(parents=True, exist_ok=True)
    with content, path.open("xb") as file:
        shutil.copyfileobj(content, file)
