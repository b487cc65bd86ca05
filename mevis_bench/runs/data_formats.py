"""Formats of other code that ``data import`` and ``data export`` convert, by the name of ``--format``."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from mevis_bench.records import UsageError
from mevis_bench.records.dataset import Dataset
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.runs import refer_kitti_export, refer_kitti_import
from mevis_bench.runs.refer_kitti_export import Exported
from mevis_bench.runs.refer_kitti_import import Imported

T = TypeVar("T")
Advance = Callable[[int, int], None]


class Importer(Protocol):
    """Writes the data of a folder as a split in MeViS's layout; see ``refer_kitti_import.import_split``."""

    def __call__(self, source: Path, out: Path, advance: Advance) -> Imported:
        """Return how much was read."""
        ...


class Exporter(Protocol):
    """Writes a split, and predictions of it, in a format; see ``refer_kitti_export.export_split``."""

    def __call__(
        self, split: Dataset, out: Path, *, copy_frames: bool, predictions: Path | None, advance: Advance
    ) -> Exported:
        """Return how much was written."""
        ...


IMPORTERS: Mapping[str, Importer] = {"refer-kitti": refer_kitti_import.import_split}
EXPORTERS: Mapping[str, Exporter] = {"refer-kitti": refer_kitti_export.export_split}


def find_format(formats: Mapping[str, T], name: str) -> T:
    """Return the entry of ``--format``.

    Raises:
        UsageError: Unknown format.
    """
    if name not in formats:
        raise UsageError(f"unknown format {name!r}", location="--format", hint=did_you_mean(name, list(formats)))
    return formats[name]
