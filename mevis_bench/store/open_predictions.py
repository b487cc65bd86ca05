"""Opening predictions: the format is recognized by the names of the files."""

from collections.abc import Sequence
from pathlib import Path

from mevis_bench.files.strict_json import read_json
from mevis_bench.files.tree import FileTree, Folder, ZipFolder
from mevis_bench.records import DataError, UsageError
from mevis_bench.store.formats.coco_results import CocoResults
from mevis_bench.store.formats.json_predictions import JsonPredictions
from mevis_bench.store.formats.label_images import LabelImagePredictions
from mevis_bench.store.formats.mot_text import MotPredictions
from mevis_bench.store.formats.official_png import PngPredictions
from mevis_bench.store.formats.refer_kitti import ReferKittiPredictions
from mevis_bench.store.formats.run_folder_lines import RunPredictions
from mevis_bench.store.formats.tree_predictions import TreePredictions
from mevis_bench.store.prediction_source import PredictionSource

FORMATS: tuple[type[TreePredictions], ...] = (
    LabelImagePredictions,
    PngPredictions,
    ReferKittiPredictions,
    RunPredictions,
    MotPredictions,
)
"""Formats of files in a folder or a zip; the first that matches is used."""

_HINT = (
    f"Expected a run folder, a folder or zip of {', '.join(item.layout for item in FORMATS)}, "
    "a JSON file {video: {expression: ...}}, or COCO results [{image_id: ..., score: ...}, ...]"
)


def open_predictions(path: Path, *, threshold: int | None = None) -> PredictionSource:
    """Open predictions in any format that can be scored.

    Args:
        path: A run folder, a folder or zip of one of ``FORMATS``, or a JSON file or a folder with nothing else.
        threshold: PNG values from this one on are foreground; ``None``: all but 0, and soft masks are refused.

    Raises:
        UsageError: Nothing exists at ``path``.
        DataError: Unknown format.
    """
    if not path.exists():
        raise UsageError("no such file or folder", location=str(path), hint=_HINT)
    if path.is_dir():
        inner = path / "predictions"
        is_run = inner.is_dir() or (path / "manifest.json").is_file()
        document = None if is_run else _only_document(path)
        if document is not None:
            return _open_document(document)
        return _open_tree(Folder(inner if is_run else path), str(path), threshold)
    if path.suffix.lower() == ".zip":
        return _open_tree(ZipFolder(path), str(path), threshold)
    if path.suffix.lower() == ".json":
        return _open_document(path)
    raise DataError("unknown format of predictions", location=str(path), hint=_HINT)


def _only_document(folder: Path) -> Path | None:
    """Return the JSON file of a folder that holds nothing else; what scoring writes into it does not count."""
    files = [path for path in folder.iterdir() if path.name not in ("results.json", "scores.jsonl")]
    return files[0] if len(files) == 1 and files[0].is_file() and files[0].suffix.lower() == ".json" else None


def _open_document(path: Path) -> PredictionSource:
    document = read_json(path)
    return CocoResults.of(path, document) if isinstance(document, list) else JsonPredictions.of(path, document)


def _open_tree(files: FileTree, location: str, threshold: int | None) -> PredictionSource:
    names = files.names()
    for item in FORMATS:
        if item.matches(names):
            return item(files, threshold)
    raise DataError("no predictions found", location=location, hint=_nested_hint(names) or _HINT)


def _nested_hint(names: Sequence[str]) -> str | None:
    """Explain the most common mistakes: masks are JPEG images, or the videos are one folder further down."""
    jpegs = sum(name.count("/") == 2 and name.lower().endswith((".jpg", ".jpeg")) for name in names)
    if jpegs:
        return f"There are {jpegs} .jpg files: JPEG changes the values of masks. Save them as PNG."
    roots = {name.split("/", 1)[0] for name in names}
    if len(roots) == 1 and any(name.count("/") == 3 for name in names):
        return f"The videos are inside {next(iter(roots))}/; they must be at the root."
    return None
