"""Data sets by name: a split from the Hugging Face hub at a commit, unpacked into a folder."""

from pathlib import Path

from mevis_bench.data.registry import find_dataset
from mevis_bench.files.archive import is_archive, unpack, unpacked_name
from mevis_bench.files.hub import download, pinned_revisions
from mevis_bench.files.names import resolve_inside
from mevis_bench.files.place_file import link_or_copy
from mevis_bench.records import UsageError
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.records.hub_source import HubSource


def find_source(name: str, split: str | None) -> tuple[DatasetInfo, str, HubSource]:
    """Return a data set, the split that is meant, and where on the hub it is.

    Raises:
        UsageError: Unknown data set or split, or it has to be got by hand; then the hint says where.
    """
    facts = find_dataset(None, None, name).info
    split = split or facts.default_split
    if split not in facts.hub:
        what = f"split {split} of {facts.title}" if facts.hub else facts.title
        known = f"Splits that can be downloaded: {', '.join(facts.hub)}\n" if facts.hub else ""
        raise UsageError(
            f"{what} cannot be downloaded by name",
            hint=f"{known}From: {facts.source} (license: {facts.license})\n"
            f"Expected files: mevis-bench data info {name}\nThen: mevis-bench data verify DIR --data-set {name}",
        )
    return facts, split, facts.hub[split]


def get_split(source: HubSource, folder: Path, revision: str | None = None) -> None:
    """Download the files of a split into a folder and unpack archives; what is there already is kept.

    Args:
        source: From :func:`find_source`.
        folder: Folder of the data set.
        revision: Commit, where the source has none.

    Raises:
        DownloadError: They cannot be had now.
        DataError: A file is damaged, or an archive is not what it should be.
        UsageError: No revision is known, or the disk is too small.
    """
    commit = pinned_revisions([source], revision)[source.repo]
    for name, path in download(source, commit, "dataset").items():
        place = resolve_inside(folder, unpacked_name(name) if is_archive(name) else name, "file")
        if place.exists():
            continue
        if is_archive(name):
            unpack(path, place)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(path, place)
