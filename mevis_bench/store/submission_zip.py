"""The zip an evaluation server takes: its root holds ``<video>/<expression>/<frame>.png``, one channel, 0 or 255.

A server's profile may ask for a folder around the videos.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mevis_bench.files.atomic import atomic_path
from mevis_bench.records import DataError
from mevis_bench.records.bounds import Bounds
from mevis_bench.records.image_file import open_image

BOUNDS = Bounds(
    files="Zip files for an evaluation server, when they are checked",
    limits={"bytes": "max_bytes of the server's profile", "bytes of a member": "8 per pixel of the video + 65,536"},
)

_EPOCH = (1980, 1, 1, 0, 0, 0)

_UTF8_NAME = 0x800
"""Bit of a zip entry's flags: its name is UTF-8 (APPNOTE 4.4.4)."""

"""Every entry's date: zips of equal masks are equal bytes."""


@dataclass(frozen=True, slots=True)
class ExpectedMasks:
    """Files that a server expects for one expression.

    Attributes:
        folder: ``<video>/<expression>``.
        frame_names: File names without suffix, in order.
        height: Rows, in pixels.
        width: Columns, in pixels.
    """

    folder: str
    frame_names: tuple[str, ...]
    height: int
    width: int


def write_zip(
    path: Path, samples: Iterable[tuple[ExpectedMasks, NDArray[np.bool_]]], *, bits: Literal[1, 8] = 1
) -> str:
    """Write a submission and return its SHA-256.

    Args:
        path: The zip, written atomically.
        samples: Each with its masks, bool ``(t, h, w)``, sorted by folder.
        bits: Depth of the PNG masks, whose values are 0 and the largest (1 or 255).
    """
    return _write(
        path,
        (
            (f"{expected.folder}/{name}.png", mask if bits == 1 else mask.astype(np.uint8) * 255)
            for expected, masks in samples
            for name, mask in zip(expected.frame_names, masks, strict=True)
        ),
    )


def write_label_images(path: Path, folders: Iterable[tuple[str, NDArray[np.uint8]]]) -> str:
    """Write label images as a zip and return its SHA-256.

    Args:
        path: The zip, written atomically.
        folders: Each with its labels, uint8 ``(t, h, w)``; frames are numbered from 0.
    """
    return _write(
        path, ((f"{folder}/{t:05d}.png", image) for folder, labels in folders for t, image in enumerate(labels))
    )


def _write(path: Path, images: Iterable[tuple[str, NDArray[np.bool_] | NDArray[np.uint8]]]) -> str:
    with atomic_path(path) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
        for name, image in images:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), _png(image))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _png(image: NDArray[np.bool_] | NDArray[np.uint8]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=9)
    return buffer.getvalue()


def check_zip(path: Path, expected: Sequence[ExpectedMasks], max_bytes: int) -> Iterator[str]:
    """Yield every error of a zip as a message, the structural ones first; none if the server can read it.

    Raises:
        DataError: The file is missing or not a zip file.
    """
    try:
        size = path.stat().st_size
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"not a zip file: {error}", location=str(path)) from error
    with archive:
        if size > max_bytes:
            yield f"the zip has {size / 1e6:.0f} MB, the server takes {max_bytes / 1e6:.0f} MB; 1-bit PNGs are small"
        entries = {entry.filename: entry for entry in archive.infolist() if not entry.is_dir()}
        required = {f"{masks.folder}/{name}.png": masks for masks in expected for name in masks.frame_names}
        misread = sorted(
            name for name, entry in entries.items() if not (name.isascii() or entry.flag_bits & _UTF8_NAME)
        )
        if misread:
            yield (
                f"{len(misread)} names are beyond ASCII and not marked as UTF-8, for instance {misread[0]!r}: tools "
                "read them differently; pack it again with a tool that marks them, for instance python -m zipfile -c"
            )
            return
        yield from _check_names(entries.keys(), required.keys())
        for name in sorted(required.keys() & entries.keys()):
            issue = _check_image(archive, entries[name], required[name])
            if issue:
                yield f"{name}: {issue}"


def _check_names(found: Iterable[str], required: Iterable[str]) -> Iterator[str]:
    found, required = set(found), set(required)
    unsafe = sorted(
        name for name in found if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/")
    )
    packed_wrong = sorted(name for name in found if "\\" in name and name not in unsafe)
    if packed_wrong:
        yield (
            f"{len(packed_wrong)} names have backslashes, for instance {packed_wrong[0]!r}: on the server they are "
            "files of one folder; pack it again with a tool that writes '/', for instance python -m zipfile -c"
        )
        return
    for name in unsafe:
        yield f"{name!r} points outside the zip"
    wrapper = _wrapper(found, required)
    if wrapper:
        yield (
            f"everything is in the folder {wrapper!r}; the video folders must be at the zip's root "
            f"(zip from inside: cd {wrapper} && zip -r ../submission.zip .)"
        )
        return
    folder = _missing_folder(found, required)
    if folder:
        yield f"the video folders must be inside one folder {folder!r}, which the zip does not have"
        return
    missing = sorted(required - found)
    for folder, names in _by_folder(missing).items():
        yield f"{folder}: {len(names)} frames are missing, the first is {names[0]}"
    for name in sorted(found - required - set(unsafe)):
        yield f"{name!r} is not part of the split"


def _wrapper(found: set[str], required: set[str]) -> str | None:
    """Name the one folder around everything, if taking it away makes names that are expected."""
    tops = {name.split("/", 1)[0] for name in found if not name.startswith("__MACOSX/")}
    if len(tops) != 1:
        return None
    top = tops.pop()
    inner = {name.removeprefix(f"{top}/") for name in found}
    return top if inner & required and not found & required else None


def _missing_folder(found: set[str], required: set[str]) -> str | None:
    """Name the one folder that is required around everything, if putting it there makes required names."""
    tops = {name.split("/", 1)[0] for name in required}
    if len(tops) != 1 or found & required:
        return None
    top = tops.pop()
    return top if {f"{top}/{name}" for name in found} & required else None


def _by_folder(names: Sequence[str]) -> Mapping[str, list[str]]:
    folders: dict[str, list[str]] = {}
    for name in names:
        folder, file = name.rsplit("/", 1)
        folders.setdefault(folder, []).append(file)
    return folders


def _check_image(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, expected: ExpectedMasks) -> str | None:
    """Return what is wrong with one mask file, ``None`` if nothing is."""
    # A 1-bit mask never needs more than this; a larger claim is a bomb.
    if entry.file_size > 8 * expected.height * expected.width + 65536:
        return f"unpacks to {entry.file_size} bytes, too large for a mask"
    try:
        with open_image(io.BytesIO(archive.read(entry)), entry.filename, ("PNG",)) as image:
            if image.size != (expected.width, expected.height):
                return f"is {image.width}x{image.height}, the video is {expected.width}x{expected.height}"
            if image.mode not in ("1", "L"):
                return f"has mode {image.mode}; one channel with 0 and 255 is expected"
            values = np.unique(np.asarray(image.convert("L")))
    except DataError as error:
        return error.message
    except Exception as error:  # zlib.error, lzma.LZMAError and struct.error share no parent below Exception
        return f"cannot be read: {error}"
    if not set(values.tolist()) <= {0, 255}:
        return f"holds the values {', '.join(map(str, values[:5]))}; 0 and 255 are expected"
    return None
