"""Validation of a split: reports every error, where reading stops at the first one."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from mevis_bench.data.frame_files import frame_file, list_names
from mevis_bench.data.mevis.annotations import (
    parse_boxes,
    parse_expression,
    parse_expressions,
    parse_frames,
    parse_masks,
    parse_track,
    parse_videos,
)
from mevis_bench.data.mevis.layout import EMBEDDED, FRAME_FOLDER, MASK_NAME, SplitLayout, find_split
from mevis_bench.data.validation import ValidationIssue, ValidationReport
from mevis_bench.files.names import resolve_inside, validate_name
from mevis_bench.files.strict_json import read_json
from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.masks.rle_json import parse_rle
from mevis_bench.records import DataError, Expression
from mevis_bench.records.image_file import whole_image_size

T = TypeVar("T")


def validate_split(
    root: Path | None,
    name: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
    embedded: str = EMBEDDED,
) -> ValidationReport:
    """Check every file and every key of a split.

    Frames are opened but not decoded: size and a whole end are checked. Masks are decoded.

    Args:
        root: See ``open_dataset``.
        name: See ``open_dataset``.
        progress: Called with (videos done, videos in all) after each.
        embedded: See ``find_split``.

    Raises:
        UsageError: There is no such split.
    """
    layout = find_split(root, name, embedded)
    return _Verifier(name, layout).run(progress)


class _Verifier:
    """Walks one split; every check that fails adds an error and the walk continues."""

    def __init__(self, name: str, layout: SplitLayout) -> None:
        self.layout = layout
        self.report = ValidationReport(name, layout.root, layout.masks is not None)
        self.masks: dict[str, object] | None = {}
        """Raw masks by annotation id; ``None``: the file cannot be read, so they are unknown."""
        self.boxes: dict[str, object] | None = None
        """Raw boxes by annotation id; ``None``: there is no such file, or it cannot be read."""
        self.owners: dict[str, str] = {}
        """The video that named an annotation first."""

    def run(self, progress: Callable[[int, int], None]) -> ValidationReport:
        videos = self._read(self.layout.meta, parse_videos) or {}
        if self.layout.masks is not None:
            self.masks = self._read(self.layout.masks, parse_masks)
        if self.layout.boxes is not None:
            self.boxes = self._read(self.layout.boxes, parse_masks)
        self.report.videos = len(videos)
        self.report.objects = len(self.masks or {})
        for done, (video_id, entry) in enumerate(videos.items(), 1):
            self._video(video_id, entry)
            progress(done, len(videos))
        for annotation_id, raw in (self.masks or {}).items():
            if annotation_id not in self.owners:
                self._track(annotation_id, raw, None, None)
        return self.report

    def _error(self, path: Path, key: str, what: str) -> None:
        shown = path.relative_to(self.layout.root) if path.is_relative_to(self.layout.root) else path
        self.report.errors.append(ValidationIssue(shown.as_posix(), key, what))

    def _try(self, path: Path, key: str, check: Callable[[], T]) -> T | None:
        """Run a check; its ``DataError`` becomes an error of this file and key."""
        try:
            return check()
        except DataError as error:
            self._error(path, key, error.message)
            return None

    def _read(self, path: Path, parse: Callable[[object, str], dict[str, object]]) -> dict[str, object] | None:
        doubled: list[str] = []
        try:
            document = read_json(path, doubled.append)
        except DataError as error:
            self._error(path, "", error.message)
            return None
        for key in doubled:
            self._error(path, f"key {key}", "duplicate key")
        return self._try(path, "", lambda: parse(document, ""))

    def _video(self, video_id: str, entry: object) -> None:
        meta, key = self.layout.meta, f"video {video_id}"
        self._try(meta, key, lambda: validate_name(video_id, "video id"))
        frames = self._try(meta, key, lambda: parse_frames(entry, ""))
        size = self._frames(video_id, frames) if frames else None
        expressions = self._try(meta, key, lambda: parse_expressions(entry, "")) or {}
        for expression_id, raw in expressions.items():
            expression = self._expression(f"{key}, expression {expression_id}", expression_id, raw)
            for annotation_id in (expression.annotation_ids or ()) if expression else ():
                self._annotation(annotation_id, video_id, expression_id, len(frames) if frames else None, size)

    def _frames(self, video_id: str, names: tuple[str, ...]) -> tuple[int, int] | None:
        """Check that every frame is there, whole, and of one size, which is returned."""
        self.report.frames += len(names)
        size = None
        files = list_names(self.layout.frames / video_id)
        for frame_name in names:
            relative = f"{FRAME_FOLDER}/{video_id}/{frame_file(frame_name, files)}"
            key = f"video {video_id}, frame {frame_name}"
            path = self._try(self.layout.meta, key, partial(self._resolve, relative, "frame path"))
            if path is None:
                return None
            found = self._try(path, "", partial(whole_image_size, path))
            size = size or found
            if found and size and found != size:
                self._error(path, "", f"frame is {found[1]}x{found[0]}, the video is {size[1]}x{size[0]}")
        return size

    def _resolve(self, relative: str, kind: str) -> Path:
        return resolve_inside(self.layout.root, relative, kind, within=self.layout.data_root)

    def _expression(self, key: str, expression_id: str, raw: object) -> Expression | None:
        meta, has_ground_truth = self.layout.meta, self.report.has_ground_truth
        expression = self._try(
            meta, key, lambda: parse_expression(expression_id, raw, "", has_ground_truth=has_ground_truth)
        )
        if expression is None or expression.annotation_ids is None:
            self.report.unknown += 1
        elif not expression.annotation_ids:
            self.report.no_target += 1
        elif len(expression.annotation_ids) == 1:
            self.report.single += 1
        else:
            self.report.multi += 1
        if expression and expression.audio is not None:
            self.report.spoken += 1
            audio = expression.audio
            path = self._try(meta, f"{key}, audio", partial(self._resolve, audio, "audio path"))
            if path is not None and not path.is_file():
                self._error(path, "", f"sound file is missing; {key} names it")
            elif path is not None:
                self._try(path, "", partial(check_sound, path))
        return expression

    def _annotation(
        self, annotation_id: str, video_id: str, expression_id: str, length: int | None, size: tuple[int, int] | None
    ) -> None:
        """Check that an annotation exists and belongs to one video; its masks are checked when first met."""
        if self.masks is None:
            return
        key = f"video {video_id}, expression {expression_id}"
        is_new = annotation_id not in self.owners
        owner = self.owners.setdefault(annotation_id, video_id)
        if annotation_id not in self.masks:
            self._error(self.layout.meta, key, f"anno_id {annotation_id} is not in mask_dict.json")
        elif owner != video_id:
            self._error(self.layout.meta, key, f"anno_id {annotation_id} belongs to video {owner}")
        elif is_new:
            self._track(annotation_id, self.masks[annotation_id], length, size)
            self._boxes(annotation_id, length)

    def _boxes(self, annotation_id: str, length: int | None) -> None:
        path, boxes = self.layout.boxes, self.boxes
        if path is None or boxes is None or length is None:
            return
        if annotation_id not in boxes:
            self._error(path, f"key {annotation_id}", "annotation id not found")
        else:
            self._try(path, f"key {annotation_id}", lambda: parse_boxes(boxes[annotation_id], length, ""))

    def _track(self, annotation_id: str, raw: object, length: int | None, size: tuple[int, int] | None) -> None:
        """Check one object's masks: one per frame, each decodable, all of the frames' size, where those are known."""
        path, key = self.layout.root / MASK_NAME, f"key {annotation_id}"
        if length is None:
            length = len(raw) if isinstance(raw, list) else 0
        try:
            masks = parse_track(raw, length, "")
            first = next((mask for mask in masks if mask is not None), None)
            if first is not None:
                rows_from_rle(masks, *(size or (first.height, first.width)), location="")
        except DataError:
            self._every_mask(path, key, raw, length, size)

    def _every_mask(self, path: Path, key: str, raw: object, length: int, size: tuple[int, int] | None) -> None:
        """Report each error of an object that is known to have one."""
        entries = raw if isinstance(raw, list) else []
        if len(entries) != length or not isinstance(raw, list):
            self._try(path, key, lambda: parse_track(raw, length, ""))
        for t, entry in enumerate(entries):
            if entry is not None:
                self._try(path, f"{key}, frame {t}", partial(_decode, entry, size))


def _decode(raw: object, size: tuple[int, int] | None) -> None:
    """Decode one mask, which shows whether it can be.

    Raises:
        DataError: Decoding failed, or it has another size than the frames.
    """
    mask = parse_rle(raw, "")
    rows_from_rle((mask,), *(size or (mask.height, mask.width)), location="")


def check_sound(path: Path) -> None:
    """Open a sound file and read its last sample, which shows whether it is whole.

    Raises:
        DataError: It is not a sound file, is cut off, or has no samples.
    """
    import soundfile

    try:
        with soundfile.SoundFile(path) as sound:
            length = sound.frames
            if length:
                sound.seek(length - 1)
            samples = len(sound.read(1))
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        raise DataError(f"sound file cannot be read: {error}", location=str(path)) from error
    if samples != 1:
        raise DataError("sound file has no samples or is cut off", location=str(path))
