"""Base of the data sets with MeViS's ``mask_dict.json`` under other names of files and folders: ReVOS, Ref-SAV."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from mevis_bench.data.expression_files import ExpressionFileSplit
from mevis_bench.data.frame_folders import Track, VideoTruth
from mevis_bench.data.mevis.annotations import parse_masks, parse_size, parse_track
from mevis_bench.files.strict_json import read_json
from mevis_bench.records import DataError, Expression
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.schemas.decode import decode_external
from mevis_bench.schemas.external import AnnotationId, MevisExpression


class MaskDictionary(ExpressionFileSplit):
    """One split whose objects are keys of a mask dictionary."""

    def __init__(self, info: DatasetInfo, root: Path, split: str, *, meta: Path, masks: Path, frames: str) -> None:
        """Read the expressions.

        Args:
            info: Facts of the data set.
            root: Its folder.
            split: Name of the split.
            meta: The expression file.
            masks: The mask dictionary; it need not exist.
            frames: Folder of the folders of frames, relative to ``root``.

        Raises:
            DataError: The expression file is invalid.
        """
        self._masks_path, self._frames = masks, frames
        super().__init__(info, root, split, meta, truth=masks.is_file())

    def annotation_files(self) -> Sequence[Path]:
        """See :class:`FrameFolders`."""
        return [self.meta, *([self._masks_path] if self.has_ground_truth else [])]

    def frame_path(self, video_id: str, frame: str) -> str:
        """See :class:`FrameFolders`."""
        return f"{self._frames}/{video_id}/{frame}.jpg"

    def parse_expression(self, expression_id: str, raw: object, location: str) -> Expression:
        """See :class:`ExpressionFileSplit`."""
        entry = decode_external(raw, MevisExpression, location)
        return Expression(expression_id, entry.exp, self.object_ids(entry.anno_id, location))

    def object_ids(self, anno_id: tuple[AnnotationId, ...] | None, location: str) -> tuple[str, ...] | None:
        """Return the keys of an expression's masks; ``None``: the split has no ground truth.

        Raises:
            DataError: The split has, and the expression names no ids.
        """
        if not self.has_ground_truth:
            return None
        if anno_id is None:
            raise DataError("missing key 'anno_id': a list of ids, empty for no target", location=location)
        return tuple(map(str, anno_id))

    def regions_of(self, video_id: str, truth: VideoTruth) -> Mapping[str, Track]:
        """Return further masks of a video; by default there are none."""
        return {}

    @cached_property
    def _masks(self) -> Mapping[str, object]:
        return parse_masks(read_json(self._masks_path), str(self._masks_path))

    def read_truth(self, video_id: str) -> VideoTruth:
        """See :class:`FrameFolders`."""
        entry = self._entry(video_id)
        names = dict.fromkeys(name for expression in entry.expressions for name in expression.annotation_ids or ())
        objects = {name: self._track(name, len(entry.frames), self.location(video_id)) for name in names}
        truth = VideoTruth(*self._size(video_id, objects), objects, {})
        return VideoTruth(truth.height, truth.width, objects, self.regions_of(video_id, truth))

    def _track(self, name: str, length: int, location: str) -> Track:
        if name not in self._masks:
            raise DataError(f"anno_id {name} is not in {self._masks_path.name}", location=location)
        return parse_track(self._masks[name], length, f"{self._masks_path}, key {name}")

    def _size(self, video_id: str, objects: Mapping[str, Track]) -> tuple[int, int]:
        size = parse_size(self.raw_videos[video_id], self.location(video_id))
        if size is not None:
            return size
        for mask in (mask for track in objects.values() for mask in track if mask is not None):
            return mask.height, mask.width
        video = self.video(video_id)
        return video.height, video.width
