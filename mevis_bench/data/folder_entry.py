"""Entry of a data set of frame folders whose splits are recognized by one file."""

from collections.abc import Callable
from pathlib import Path

from mevis_bench.data.folder_validation import folder_validator
from mevis_bench.data.frame_folders import FrameFolders
from mevis_bench.data.registry import DatasetEntry
from mevis_bench.data.split_file import SplitFile


def folder_entry(
    file: SplitFile,
    open_split: Callable[[Path, str], FrameFolders],
    make_fixture: Callable[[Path], None],
    accepts: Callable[[Path], bool] = Path.is_file,
) -> DatasetEntry:
    """Return the entry of a data set.

    Args:
        file: The file of its splits.
        open_split: Opens the split at (folder, split), whose file exists.
        make_fixture: See :class:`DatasetEntry`.
        accepts: Whether the file is of this data set, where others have files of the same name. Reads the start of the
            file only; may raise ``OSError``.
    """

    def matches(root: Path | None, split: str) -> bool:
        try:
            return root is not None and file.exists(root, split) and accepts(file.path(root, split))
        except OSError:
            return False

    def open_required(root: Path | None, split: str) -> FrameFolders:
        return open_split(file.require(root, split), split)

    return DatasetEntry(file.info, matches, open_required, folder_validator(file.info, open_required), make_fixture)
