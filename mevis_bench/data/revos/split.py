"""Reads ReVOS: one mask dictionary for all splits, several objects per expression, kinds of expressions."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mevis_bench.data.frame_folders import FrameFolders, Track, VideoEntry, VideoTruth
from mevis_bench.data.mevis.annotations import parse_expressions, parse_frames, parse_masks, parse_track
from mevis_bench.data.sentences import parse_sentence, read_videos
from mevis_bench.files.strict_json import expect_type, read_json
from mevis_bench.masks.rle import to_rles
from mevis_bench.records import DataError, Expression
from mevis_bench.records.dataset import DatasetInfo

KINDS = ("referring", "reasoning", "no_target")
"""Kinds of expressions by ``type_id``."""


class RevosSplit(FrameFolders):
    """One split of ReVOS."""

    def __init__(self, info: DatasetInfo, root: Path, split: str, meta: Path) -> None:
        self._meta = meta
        self._masks_path = root / "mask_dict.json"
        self._foreground_path = root / "mask_dict_foreground.json"
        self._raw = read_videos(meta)
        super().__init__(info, root, split, sorted(self._raw), truth=self._masks_path.is_file())

    def annotation_files(self) -> Sequence[Path]:
        """See :class:`FrameFolders`."""
        return [self._meta, *(path for path in (self._masks_path, self._foreground_path) if path.is_file())]

    def frame_path(self, video_id: str, frame: str) -> str:
        """See :class:`FrameFolders`."""
        return f"JPEGImages/{video_id}/{frame}.jpg"

    def read_entry(self, video_id: str) -> VideoEntry:
        """See :class:`FrameFolders`."""
        location = f"{self._meta}, video {video_id}"
        expressions = tuple(
            self._read_expression(expression_id, raw, f"{location}, expression {expression_id}")
            for expression_id, raw in parse_expressions(self._raw[video_id], location).items()
        )
        return VideoEntry(parse_frames(self._raw[video_id], location), expressions)

    def _read_expression(self, expression_id: str, raw: object, location: str) -> Expression:
        value, text = parse_sentence(raw, location)
        kind = value.get("type_id")
        if type(kind) is not int or not 0 <= kind < len(KINDS):
            raise DataError(f"type_id: expected 0, 1 or 2, got {kind!r}", location=location)
        ids = value.get("anno_id")
        if not isinstance(ids, list) or not all(type(one) in (int, str) for one in ids):
            raise DataError("anno_id: expected a list of ids", location=location)
        names = tuple(str(one) for one in ids) if self.has_ground_truth else None
        return Expression(expression_id, text, names, kind=KINDS[kind])

    @cached_property
    def _masks(self) -> Mapping[str, object]:
        return parse_masks(read_json(self._masks_path), str(self._masks_path))

    @cached_property
    def _foreground(self) -> Mapping[str, Any] | None:
        """Masks of all objects that are referred to, by video; ``None``: the file is not there."""
        path = self._foreground_path
        if not path.is_file():
            return None
        videos: Mapping[str, Any] = expect_type(read_json(path), dict, str(path))
        return videos

    def read_truth(self, video_id: str) -> VideoTruth:
        """See :class:`FrameFolders`."""
        entry = self._entry(video_id)
        names = dict.fromkeys(name for expression in entry.expressions for name in expression.annotation_ids or ())
        objects = {name: self._track(name, len(entry.frames), f"{self._meta}, video {video_id}") for name in names}
        height, width = self._size(video_id, objects)
        return VideoTruth(height, width, objects, {"foreground": self._foreground_of(video_id, objects, height, width)})

    def _track(self, name: str, length: int, location: str) -> Track:
        if name not in self._masks:
            raise DataError(f"anno_id {name} is not in mask_dict.json", location=location)
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

    def _foreground_of(self, video_id: str, objects: Mapping[str, Track], height: int, width: int) -> Track:
        """Return the released foreground; without its file the union of the objects that this split refers to."""
        length = len(self._entry(video_id).frames)
        if self._foreground is None:
            union = np.zeros((length, height, width), bool)
            for track in objects.values():
                for frame, mask in zip(union, track, strict=True):
                    frame |= False if mask is None else mask.decode()
            return to_rles(union)
        location = f"{self._foreground_path}, video {video_id}"
        entry = self._foreground.get(video_id)
        if not isinstance(entry, dict) or "masks_rle" not in entry:
            raise DataError("masks_rle is missing", location=location)
        return parse_track(entry["masks_rle"], length, location)
