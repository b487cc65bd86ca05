"""The file by which the splits of a data set are recognized: where it is, and the error where it is missing."""

from dataclasses import dataclass
from pathlib import Path

from mevis_bench.files.names import is_valid_name
from mevis_bench.records import UsageError
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.records.suggestion import did_you_mean


def require_folder(root: Path | None) -> Path:
    """Return the folder of ``--data``; raise ``UsageError`` where there is none."""
    if root is None or not root.is_dir():
        raise UsageError("no such folder", location=str(root or "--data"), hint="--data names the data set's folder.")
    return root


@dataclass(frozen=True, slots=True)
class SplitFile:
    """A file that every split has.

    Attributes:
        info: Facts of the data set.
        pattern: Path relative to the data set's folder. ``{split}`` stands for the name of the split; a path without it
            is the same for all splits, and other names than those of ``info`` are unknown.
    """

    info: DatasetInfo
    pattern: str

    def path(self, root: Path, split: str) -> Path:
        """Return the path of a split's file; the file need not exist."""
        return root / self._relative(split)

    def exists(self, root: Path | None, split: str) -> bool:
        """Return whether a folder has the split; never raises."""
        try:
            return root is not None and self._is_possible(split) and self.path(root, split).is_file()
        except OSError:
            return False

    def require(self, root: Path | None, split: str) -> Path:
        """Return the data set's folder.

        Raises:
            UsageError: There is no such folder or split.
        """
        folder = require_folder(root)
        if self.exists(folder, split):
            return folder
        existing = [name for name in self.info.splits if self.exists(folder, name)]
        missing = f": {self._relative(split)} is missing" if self._is_possible(split) else ""
        hint = did_you_mean(split, existing) if existing else f"See: mevis-bench data info {self.info.name}"
        raise UsageError(f"no split {split!r}{missing}", location=str(folder), hint=hint)

    def _is_possible(self, split: str) -> bool:
        return split in self.info.splits or ("{split}" in self.pattern and is_valid_name(split))

    def _relative(self, split: str) -> str:
        return self.pattern.format(split=split)
