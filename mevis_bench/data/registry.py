"""Registry of data sets: every folder of this package with a ``dataset.py``, and entry points of installed packages."""

import importlib
import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mevis_bench.data.validation import ValidationReport
from mevis_bench.records import DataError, UsageError
from mevis_bench.records.bounds import Bounds
from mevis_bench.records.dataset import Dataset, DatasetInfo
from mevis_bench.records.suggestion import did_you_mean

ENTRY_POINT_GROUP = "mevis_bench.datasets"

BOUNDS = Bounds(files="Splits of data sets", limits={"videos": 1_000_000})

GENERAL_LAYOUT = "mevis"
"""The folder whose data sets recognize many folders: asked last."""

FALLBACK = "mevis_v1"
"""Stands for a folder that no data set recognizes: opening it fails, with an error that names its splits."""

T = TypeVar("T")
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class DatasetEntry:
    """A registered data set.

    Attributes:
        info: Its facts.
        matches: Whether the files at (folder, split) are of this data set; must not raise. The folder is the value of
            ``--data``, ``None`` where it is not given.
        open: Opens the split at (folder, split); raises ``UsageError`` where it does not exist and ``DataError`` where
            its files are invalid.
        validate: Validates every file of the split at (folder, split), reporting (videos done, videos) to the third
            argument; raises ``UsageError`` where it does not exist.
        make_fixture: Writes a tiny generated data set of this layout into a new folder; ``None``: there is no such
            generator.
    """

    info: DatasetInfo
    matches: Callable[[Path | None, str], bool]
    open: Callable[[Path | None, str], Dataset]
    validate: Callable[[Path | None, str, Progress], ValidationReport]
    make_fixture: Callable[[Path], None] | None = None


def find_datasets() -> Mapping[str, DatasetEntry]:
    """Return all data sets by name, in the order in which they are recognized: MeViS, whose layout others have, last.

    Built in are the entries of ``DATASETS`` in ``mevis_bench/data/<folder>/dataset.py``. An installed package adds one
    by an entry point of the group ``mevis_bench.datasets`` whose value is a :class:`DatasetEntry`.

    Raises:
        UsageError: Two data sets have the same name, or an entry point cannot be loaded.
    """
    entries: dict[str, DatasetEntry] = {}
    for folder in sorted(path.parent.name for path in Path(__file__).parent.glob("*/dataset.py")):
        for entry in importlib.import_module(f"{__package__}.{folder}.dataset").DATASETS:
            _add(entries, entry, f"mevis_bench/data/{folder}")
    for point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        location = f"entry point {point.name} = {point.value}"
        try:
            entry = point.load()
        except (ImportError, AttributeError) as error:
            raise UsageError(f"cannot load the data set: {error}", location=location) from error
        if not isinstance(entry, DatasetEntry):
            raise UsageError(f"expected a DatasetEntry, got {type(entry).__name__}", location=location)
        _add(entries, entry, location)
    for entry in importlib.import_module(f"{__package__}.{GENERAL_LAYOUT}.dataset").DATASETS:
        entries[entry.info.name] = entries.pop(entry.info.name)  # others share its layout, so it is tried last
    return entries


def _add(entries: dict[str, DatasetEntry], entry: DatasetEntry, location: str) -> None:
    if entry.info.name in entries:
        raise UsageError(f"duplicate data set {entry.info.name!r}", location=location)
    entries[entry.info.name] = entry


def find_dataset(root: Path | None, split: str | None, name: str | None = None) -> DatasetEntry:
    """Return the data set called ``name``, or the first one that recognizes the files.

    Raises:
        UsageError: Unknown name.
    """
    entries = find_datasets()
    if name is not None:
        if name not in entries:
            raise UsageError(
                f"unknown data set {name!r}", location="--data-set", hint=did_you_mean(name, list(entries))
            )
        return entries[name]
    for entry in entries.values():
        if entry.matches(root, split or entry.info.default_split):
            return entry
    return next(entry for entry in entries.values() if entry.info.name == FALLBACK)


def open_dataset(root: Path | None, split: str | None = None, name: str | None = None) -> Dataset:
    """Open a split.

    Args:
        root: Folder of a data set or of a split; ``None``: the split of mini that is shipped with the package.
        split: Name of the split; ``None``: the data set's usual one, for instance ``valid_u`` of MeViS.
        name: Name of the data set; ``None``: recognized by its files.

    Raises:
        UsageError: Unknown data set, folder or split, or the files are of another data set than ``name``.
        DataError: The split's files are invalid, or it has too many videos.
    """
    entry = find_dataset(root, split, name)
    dataset = _named(entry, root, split, name, lambda: entry.open(root, split or entry.info.default_split))
    BOUNDS.check("videos", len(dataset.video_ids), str(dataset.root))
    return dataset


def _named(entry: DatasetEntry, root: Path | None, split: str | None, name: str | None, action: Callable[[], T]) -> T:
    """Do something with a data set's files; an error says where they look like those of another one."""
    try:
        return action()
    except (UsageError, DataError) as error:
        if name is not None and not entry.matches(root, split or entry.info.default_split):
            other = find_dataset(root, split)
            if other is not entry and other.matches(root, split or other.info.default_split):
                raise UsageError(
                    f"not {entry.info.title}: this looks like {other.info.title}",
                    location=str(root),
                    hint=f"Use --data-set {other.info.name}.",
                ) from error
        raise


def make_fixture(name: str, folder: Path) -> DatasetEntry:
    """Write a tiny generated data set in the layout of a data set, and return the data set.

    Raises:
        UsageError: Unknown data set, it has no such generator, or the folder is not empty.
    """
    entry = find_dataset(None, None, name)
    if entry.make_fixture is None:
        having = [known for known, other in find_datasets().items() if other.make_fixture is not None]
        raise UsageError(f"data set {name!r} has no generator of fixtures", hint=f"These have: {', '.join(having)}.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("the folder is not empty", location=str(folder), hint="Give another --out.")
    entry.make_fixture(folder)
    return entry


def validate_dataset(
    root: Path | None, split: str | None, name: str | None = None, progress: Progress = lambda done, total: None
) -> ValidationReport:
    """Validate every file of a split; arguments and errors like :func:`open_dataset`."""
    entry = find_dataset(root, split, name)
    report = _named(entry, root, split, name, lambda: entry.validate(root, split or entry.info.default_split, progress))
    report.data_set = f"{entry.info.name}, version {entry.info.version}"
    return report
