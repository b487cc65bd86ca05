"""Base of the data sets with MeViS's ``mask_dict.json`` under other names of files and folders: ReVOS, Ref-SAV."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from mevis_bench.data.frame_folders import FrameFolders, Track, VideoEntry, VideoTruth
from mevis_bench.data.mevis.annotations import parse_expressions, parse_frames, parse_masks, parse_track
from mevis_bench.data.sentences import parse_sentence, read_videos
from mevis_bench.files.strict_json import read_json
from mevis_bench.records import DataError, Expression
from mevis_bench.records.dataset import DatasetInfo


class MaskDictionary(FrameFolders):
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
        self._meta, self._masks_path, self._frames = meta, masks, frames
        self._raw = read_videos(meta)
        super().__init__(info, root, split, sorted(self._raw), truth=masks.is_file())

    def annotation_files(self) -> Sequence[Path]:
        """See :class:`FrameFolders`."""
        return [self._meta, *([self._masks_path] if self.has_ground_truth else [])]

    def frame_path(self, video_id: str, frame: str) -> str:
        """See :class:`FrameFolders`."""
        return f"{self._frames}/{video_id}/{frame}.jpg"

    def read_entry(self, video_id: str) -> VideoEntry:
        """See :class:`FrameFolders`."""
        location = f"{self._meta}, video {video_id}"
        expressions = []
        for expression_id, raw in parse_expressions(self._raw[video_id], location).items():
            place = f"{location}, expression {expression_id}"
            value, text = parse_sentence(raw, place)
            ids = value.get("anno_id")
            if self.has_ground_truth and not (isinstance(ids, list) and all(type(one) in (int, str) for one in ids)):
                raise DataError("anno_id: expected a list of ids", location=place)
            names = tuple(map(str, ids or ())) if self.has_ground_truth else None
            expressions.append(Expression(expression_id, text, names, kind=self.kind_of(value, place)))
        return VideoEntry(parse_frames(self._raw[video_id], location), tuple(expressions))

    def kind_of(self, raw: Mapping[str, Any], location: str) -> str | None:
        """Return the kind of an expression; by default there are none."""
        return None

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
        objects = {name: self._track(name, len(entry.frames), f"{self._meta}, video {video_id}") for name in names}
        truth = VideoTruth(*self._size(video_id, objects), objects, {})
        return VideoTruth(truth.height, truth.width, objects, self.regions_of(video_id, truth))

    def _track(self, name: str, length: int, location: str) -> Track:
        if name not in self._masks:
            raise DataError(f"anno_id {name} is not in {self._masks_path.name}", location=location)
        return parse_track(self._masks[name], length, f"{self._masks_path}, key {name}")

    def _size(self, video_id: str, objects: Mapping[str, Track]) -> tuple[int, int]:
        raw = self._raw[video_id]
        height, width = (raw.get(key) if isinstance(raw, dict) else None for key in ("height", "width"))
        if isinstance(height, int) and isinstance(width, int):
            return height, width
        for mask in (mask for track in objects.values() for mask in track if mask is not None):
            return mask.height, mask.width
        video = self.video(video_id)
        return video.height, video.width
