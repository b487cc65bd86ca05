"""Reads Long-RVOS: one folder of masks per object, without files for the frames in which it is absent."""

from collections.abc import Sequence
from pathlib import Path

from mevis_bench.data.expression_files import ExpressionFileSplit
from mevis_bench.data.frame_folders import VideoTruth
from mevis_bench.data.sentences import parse_object_id, parse_sentence
from mevis_bench.files.names import resolve_inside, validate_name
from mevis_bench.masks.label_images import read_label_image, read_tracks
from mevis_bench.records import DataError, Expression
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.schemas.decode import decode_key
from mevis_bench.schemas.external import LongRvosExpression

KINDS = {"static": "static", "dynamic": "dynamic", "static+dynamic": "hybrid"}
"""Kinds of expressions by ``type``, under the names of the evaluation."""

FOREGROUND = 255


class LongRvosSplit(ExpressionFileSplit):
    """One split of Long-RVOS."""

    def __init__(self, info: DatasetInfo, root: Path, split: str, meta: Path) -> None:
        self._folder = root / split
        super().__init__(info, root, split, meta, truth=(self._folder / "Annotations").is_dir())

    def annotation_files(self) -> Sequence[Path]:
        """See :class:`FrameFolders`."""
        masks = sorted((self._folder / "Annotations").glob("*/*/*.png")) if self.has_ground_truth else []
        return [self.meta, *masks]

    def frame_path(self, video_id: str, frame: str) -> str:
        """See :class:`FrameFolders`."""
        return f"{self.split}/JPEGImages/{video_id}/{frame}.jpg"

    def parse_expression(self, expression_id: str, raw: object, location: str) -> Expression:
        """See :class:`ExpressionFileSplit`."""
        kind: str = decode_key(raw, LongRvosExpression, "type", location)
        ids = (validate_name(parse_object_id(raw, location), "object id", location),) if self.has_ground_truth else None
        return Expression(expression_id, parse_sentence(raw, location), ids, kind=KINDS[kind])

    def read_truth(self, video_id: str) -> VideoTruth:
        """See :class:`FrameFolders`."""
        entry = self._entry(video_id)
        names = dict.fromkeys(name for expression in entry.expressions for name in expression.annotation_ids or ())
        paths = {name: self._masks(video_id, name, entry.frames) for name in names}
        first = next((path for track in paths.values() for path in track if path is not None), None)
        if first is None:
            video = self.video(video_id)
            height, width = video.height, video.width
        else:
            height, width = read_label_image(first, str(first)).shape
        objects = {name: read_tracks(track, (FOREGROUND,), height, width)[FOREGROUND] for name, track in paths.items()}
        return VideoTruth(height, width, objects, {})

    def _masks(self, video_id: str, name: str, frames: Sequence[str]) -> list[Path | None]:
        """Return the mask of every frame, ``None`` where there is no file: the object is absent."""
        location = self.location(video_id)
        folder = resolve_inside(
            self._folder, f"Annotations/{video_id}/{name}", "mask folder", location, within=self.root
        )
        if not folder.is_dir():
            raise DataError(f"object {name} of video {video_id} has no masks", location=str(folder))
        paths = [folder / f"{frame}.png" for frame in frames]
        return [path if path.is_file() else None for path in paths]
