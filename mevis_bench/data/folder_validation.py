"""Validates a split of frame folders: every frame, sentence and annotation, and the known counts."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from mevis_bench.data.fixtures import is_fixture
from mevis_bench.data.frame_folders import FrameFolders
from mevis_bench.data.split_file import require_folder
from mevis_bench.data.validation import ValidationIssue, ValidationReport
from mevis_bench.records import DataError
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.records.ground_truth import Expression
from mevis_bench.records.image_file import whole_image_size

Progress = Callable[[int, int], None]


def folder_validator(
    info: DatasetInfo, open_split: Callable[[Path | None, str], FrameFolders]
) -> Callable[[Path | None, str, Progress], ValidationReport]:
    """Return ``DatasetEntry.validate`` of a data set of frame folders, see :func:`validate_folders`."""

    def validate(root: Path | None, split: str, progress: Progress) -> ValidationReport:
        return validate_folders(info, require_folder(root), split, partial(open_split, root, split), progress)

    return validate


def validate_folders(
    info: DatasetInfo, root: Path, split: str, open_split: Callable[[], FrameFolders], progress: Progress
) -> ValidationReport:
    """Validate every file of a split, one video at a time.

    Frames are opened but not decoded: size and a complete end are checked. Ground truth is decoded. The numbers of
    videos, frames and expressions are compared with those of the published split, except in generated fixtures.

    Raises:
        UsageError: There is no such split.
    """
    report = ValidationReport(split, root, has_ground_truth=False)
    try:
        dataset = open_split()
    except DataError as error:
        _add(report, error)
        return report
    report.has_ground_truth = dataset.has_ground_truth
    report.videos = len(dataset.video_ids)
    for done, video_id in enumerate(dataset.video_ids, 1):
        _validate_video(dataset, video_id, report)
        progress(done, report.videos)
    if not is_fixture(root):
        for noun, expected in info.counts.get(split, {}).items():
            found = getattr(report, noun)
            if found != expected:
                report.errors.append(
                    ValidationIssue(str(root), "", f"{found} {noun}, the published split has {expected}")
                )
    return report


def _validate_video(dataset: FrameFolders, video_id: str, report: ValidationReport) -> None:
    try:
        entry = dataset.read_entry(video_id)
    except DataError as error:
        _add(report, error)
        return
    report.frames += len(entry.frames)
    size = _validate_frames(dataset, video_id, entry.frames, report)
    for expression in entry.expressions:
        _count(expression, report)
    if not dataset.has_ground_truth:
        return
    try:
        truth = dataset.read_truth(video_id)
    except DataError as error:
        _add(report, error)
        return
    report.objects += len(truth.objects)
    if size is not None and size != (truth.height, truth.width):
        message = f"masks are {truth.width}x{truth.height}, the frames are {size[1]}x{size[0]}"
        report.errors.append(ValidationIssue(str(dataset.root), f"video {video_id}", message))


def _validate_frames(
    dataset: FrameFolders, video_id: str, names: tuple[str, ...], report: ValidationReport
) -> tuple[int, int] | None:
    size = None
    for name in names:
        path = dataset.root / dataset.frame_path(video_id, name)
        try:
            found = whole_image_size(path)
        except DataError as error:
            _add(report, error if error.location else DataError(error.message, location=str(path)))
            continue
        size = size or found
        if found != size:
            message = f"frame is {found[1]}x{found[0]}, the video is {size[1]}x{size[0]}"
            report.errors.append(ValidationIssue(str(path), "", message))
    return size


def _count(expression: Expression, report: ValidationReport) -> None:
    match expression.annotation_ids:
        case None:
            report.unknown += 1
        case ():
            report.no_target += 1
        case (_,):
            report.single += 1
        case _:
            report.multi += 1


def _add(report: ValidationReport, error: DataError) -> None:
    report.errors.append(ValidationIssue(error.location or str(report.root), "", error.message))
