"""Opening predictions: the format is recognized by what is there."""

from collections.abc import Sequence
from pathlib import Path

from mevis_bench.files.tree import FileTree, Folder, ZipFolder
from mevis_bench.records import DataError, UsageError
from mevis_bench.store.formats.mot_text import MotPredictions
from mevis_bench.store.formats.official_png import PngPredictions
from mevis_bench.store.formats.refer_kitti import PREDICTIONS, ReferKittiPredictions
from mevis_bench.store.formats.rle_json import JsonPredictions
from mevis_bench.store.formats.run_folder_lines import RunPredictions
from mevis_bench.store.prediction_source import PredictionSource

_FORMATS = (
    "A run folder, <video>/<expression>/<frame>.png, tracks as <video>/<expression>.txt or "
    "<video>/<expression>/predict.txt, a zip of any of these, or a JSON file {video: {expression: ...}}"
)


def open_predictions(path: Path, *, threshold: int | None = None) -> PredictionSource:
    """Open predictions in any format that can be scored.

    Args:
        path: A run folder, a folder ``<video>/<expression>/<frame>.png``, tracks as ``<video>/<expression>.txt``
            (MOT) or ``<video>/<expression>/predict.txt`` (Refer-KITTI), a zip of any of these, or a JSON file.
        threshold: PNG values from this one on are foreground; ``None``: all but 0, and soft masks are refused.

    Raises:
        UsageError: There is nothing at ``path``.
        DataError: What is there is in no known format.
    """
    if not path.exists():
        raise UsageError("no such file or folder", location=str(path), hint=_FORMATS)
    if path.is_dir():
        inner = path / "predictions"
        is_run = inner.is_dir() or (path / "manifest.json").is_file()
        return _open_tree(Folder(inner if is_run else path), str(path), threshold)
    if path.suffix.lower() == ".zip":
        return _open_tree(ZipFolder(path), str(path), threshold)
    if path.suffix.lower() == ".json":
        return JsonPredictions.open(path)
    raise DataError("not a format of predictions", location=str(path), hint=_FORMATS)


def _open_tree(files: FileTree, location: str, threshold: int | None) -> PredictionSource:
    names = files.names()
    if any(name.count("/") == 2 and name.lower().endswith(".png") for name in names):
        return PngPredictions(files, threshold)
    if any(name.count("/") == 2 and name.endswith(f"/{PREDICTIONS}") for name in names):
        return ReferKittiPredictions(files)
    if any(name.count("/") == 0 and name.endswith(".jsonl") for name in names):
        return RunPredictions(files)
    if any(name.count("/") == 1 and name.endswith(".txt") for name in names):
        return MotPredictions(files)
    raise DataError("no predictions in here", location=location, hint=_wrapped(names) or _FORMATS)


def _wrapped(names: Sequence[str]) -> str | None:
    """Explain the most common slip: the videos are one folder further down."""
    roots = {name.split("/", 1)[0] for name in names}
    if len(roots) == 1 and any(name.count("/") == 3 for name in names):
        return f"The videos are inside {next(iter(roots))}/; they must be at the root."
    return None
