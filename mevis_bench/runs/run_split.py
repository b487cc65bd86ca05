"""The split that stored predictions belong to: of a run its own one, unless another one is requested by name."""

from dataclasses import dataclass
from pathlib import Path

from mevis_bench.data.registry import open_dataset
from mevis_bench.records import IncomparableError, UsageError
from mevis_bench.records.dataset import Dataset
from mevis_bench.runs.frame_fingerprints import changed_video
from mevis_bench.schemas.manifest import BUNDLED, Manifest
from mevis_bench.store.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class OpenedSplit:
    """A split, opened for stored predictions.

    Attributes:
        dataset: The split.
        name: Its name; that of the run where it is the run's own.
        predicted_on: The split that the run was predicted on, where ``dataset`` is another one; else ``None``.
    """

    dataset: Dataset
    name: str
    predicted_on: str | None = None


def open_split(
    predictions: Path,
    *,
    data: Path | None = None,
    split: str | None = None,
    data_set: str | None = None,
    allow_other_split: bool = False,
) -> OpenedSplit:
    """Open the split of stored predictions.

    Args:
        predictions: A run folder, which records its split, or predictions in any other format, which do not.
        data: A data folder or a split itself; ``None``: that of the run, else the bundled split.
        split: Name of the split in ``data``; ``None``: that of the run, else the data set's usual one.
        data_set: Name of the data set; ``None``: that of the run, else recognized by its files.
        allow_other_split: Whether a run may be used with another split than the one it was predicted on.

    Raises:
        IncomparableError: The run was predicted on another split, or annotation files or frames changed since.
        UsageError: There is no such split.
        DataError: The manifest or the split's files are invalid.
    """
    folder = RunFolder(predictions)
    if not folder.manifest_path.is_file():
        dataset = open_dataset(data, split, data_set)
        return OpenedSplit(dataset, dataset.split)
    manifest = folder.read_manifest()
    identity, own = manifest.identity, describe_split(manifest.identity.split, manifest.identity.fingerprint)
    if data is None and split not in (None, identity.split):
        if not allow_other_split:
            raise _incomparable(predictions, f"the run was predicted on {own}, not on split {split!r}")
        raise UsageError(f"the folder of split {split!r} is unknown", location="--split", hint="Give it with --data.")
    if data is None or not allow_other_split:
        data_set = data_set or manifest.dataset.get("name")
    dataset = open_dataset(data or recorded_root(manifest), split or identity.split, data_set)
    if dataset.fingerprint == identity.fingerprint:
        changed = changed_video(dataset, manifest.frames)
        if changed is None:
            return OpenedSplit(dataset, identity.split)
        if allow_other_split:
            return OpenedSplit(dataset, identity.split, f"{own}, other frames")
        raise _incomparable(predictions, f"frames of video {changed!r} have changed since it was predicted")
    if allow_other_split:
        return OpenedSplit(dataset, dataset.split, own)
    other = describe_split(dataset.split, dataset.fingerprint)
    if data is None:
        message = f"the annotation files have changed: the run was predicted on {own}, its data are now {other}"
    else:
        message = f"the run was predicted on {own}, and {data} is {other}"
    raise _incomparable(predictions, message)


def recorded_root(manifest: Manifest) -> Path | None:
    """Return the folder of the split that a run was predicted on; ``None``: the bundled one."""
    return None if manifest.data == BUNDLED else Path(manifest.data)


def describe_split(name: str, fingerprint: str) -> str:
    """Return name and fingerprint of a split as text, for instance ``split 'valid_u' [0123abcd]``."""
    return f"split {name!r} [{fingerprint[:8]}]"


def _incomparable(predictions: Path, message: str) -> IncomparableError:
    return IncomparableError(
        message,
        location=str(predictions),
        hint="Leave out --data and --split to use the run's own split, or pass --allow-other-split.",
    )
