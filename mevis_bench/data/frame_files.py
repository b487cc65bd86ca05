"""Image files of a video's frames, whatever the suffix of their names."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

SUFFIXES = (".jpg", ".JPG", ".jpeg", ".JPEG", ".png", ".PNG")
"""Suffixes of frames, the first that exists counts; the content decides about the format."""


def list_names(folder: Path) -> Mapping[str, bool]:
    """Return the names of the files in a folder, with whether each is a link; empty where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry.is_symlink() for entry in entries}
    except OSError:
        return {}


def frame_file(stem: str, names: Mapping[str, bool]) -> str:
    """Return the name of a frame's image file; ``<stem>.jpg`` where there is none.

    Args:
        stem: Name of the frame, without suffix.
        names: The files of the folder, see :func:`list_names`.
    """
    return next((stem + suffix for suffix in SUFFIXES if stem + suffix in names), stem + SUFFIXES[0])


def frame_files(folder: Path, stems: Sequence[str]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return the image files of frames, and those of them that are links.

    Args:
        folder: The video's folder; read once.
        stems: Names of the frames, without suffix.
    """
    names = list_names(folder)
    files = [frame_file(stem, names) for stem in stems]
    return tuple(folder / name for name in files), tuple(folder / name for name in files if names.get(name))
