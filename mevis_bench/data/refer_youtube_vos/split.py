"""Reads Refer-YouTube-VOS as it is released, and Ref-DAVIS17 as ReferFormer's converter writes it: the same layout."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mevis_bench.data.frame_folders import FrameFolders, VideoEntry, VideoTruth
from mevis_bench.data.mevis.annotations import parse_expressions, parse_frames
from mevis_bench.data.sentences import parse_label, parse_object_id, parse_sentence, read_videos
from mevis_bench.files.names import resolve_inside
from mevis_bench.masks.label_images import VOID, read_label_image, read_tracks
from mevis_bench.records import DataError, Expression
from mevis_bench.records.dataset import DatasetInfo

META = "meta_expressions/{split}/meta_expressions.json"
"""Expression file of a split, relative to the data set's folder."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Files of one split.

    Attributes:
        root: Folder of the data set.
        split: Name of the split.
        meta: The expression file.
        others: Expression file of the split whose videos ``meta`` holds too, and does not own; ``None``: there is none.
        truth: The file that names the objects; ``None``: the split has no ground truth.
        labels: Folder with one folder of label images per video.
    """

    root: Path
    split: str
    meta: Path
    others: Path | None
    truth: Path | None
    labels: Path


def find_layout(root: Path, split: str) -> Layout:
    """Find the files of a split whose expression file exists.

    Objects are named in the expression file itself (train) or in ``<split>_truth/meta_expressions.json``, and their
    label images are in ``Annotations`` next to the frames or below ``<split>_truth``.
    """
    meta = root / META.format(split=split)
    truth_folder = root / f"{split}_truth"
    if (truth_folder / "meta_expressions.json").is_file():
        truth, labels = truth_folder / "meta_expressions.json", truth_folder / "Annotations"
    else:
        truth, labels = meta, root / split / "Annotations"
    return Layout(
        root=root,
        split=split,
        meta=meta,
        others=root / META.format(split="test") if split == "valid" else None,
        truth=truth if labels.is_dir() else None,
        labels=labels,
    )


class LabelImageSplit(FrameFolders):
    """A split in the layout of Refer-YouTube-VOS."""

    def __init__(self, info: DatasetInfo, layout: Layout) -> None:
        self._layout = layout
        self._raw = read_videos(layout.meta)
        ids = owned_videos(layout, set(self._raw))
        self._objects = self._raw if layout.truth in (None, layout.meta) else read_videos(layout.truth)
        truth = layout.truth is not None and _names_objects(self._objects, ids)
        super().__init__(info, layout.root, layout.split, sorted(ids), truth=truth)

    def annotation_files(self) -> Sequence[Path]:
        """See :class:`FrameFolders`."""
        layout = self._layout
        files = [layout.meta, *([layout.others] if layout.others is not None and layout.others.is_file() else [])]
        if self.has_ground_truth and layout.truth is not None:
            files += [layout.truth] if layout.truth != layout.meta else []
            files += [path for video_id in self.video_ids for path in sorted((layout.labels / video_id).glob("*.png"))]
        return files

    def frame_path(self, video_id: str, frame: str) -> str:
        """See :class:`FrameFolders`."""
        return f"{self.split}/JPEGImages/{video_id}/{frame}.jpg"

    def read_entry(self, video_id: str) -> VideoEntry:
        """See :class:`FrameFolders`."""
        location = f"{self._layout.meta}, video {video_id}"
        raw = parse_expressions(self._raw[video_id], location)
        named = parse_expressions(self._objects.get(video_id), location) if self.has_ground_truth else {}
        expressions = []
        for number, (expression_id, value) in enumerate(raw.items()):
            place = f"{location}, expression {expression_id}"
            text = parse_sentence(value, place)
            ids = None
            if self.has_ground_truth:
                if expression_id not in named:
                    raise DataError(f"expression is missing in {self._layout.truth}", location=place)
                ids = (parse_object_id(named[expression_id], place),)
            expressions.append(self.make_expression(number, expression_id, text, ids))
        return VideoEntry(parse_frames(self._raw[video_id], location), tuple(expressions))

    def make_expression(self, number: int, expression_id: str, text: str, ids: tuple[str, ...] | None) -> Expression:
        """Return the record of the video's expression ``number``, counted from 0 in file order."""
        return Expression(expression_id, text, ids)

    def read_truth(self, video_id: str) -> VideoTruth:
        """See :class:`FrameFolders`."""
        entry = self._entry(video_id)
        location = f"{self._layout.meta}, video {video_id}"
        paths = [
            resolve_inside(self._layout.labels, f"{video_id}/{name}.png", "label image", location, within=self.root)
            for name in entry.frames
        ]
        height, width = read_label_image(paths[0], str(paths[0])).shape
        names = dict.fromkeys(name for expression in entry.expressions for name in expression.annotation_ids or ())
        values = {name: parse_label(name, location) for name in names}
        tracks = read_tracks(paths, (*values.values(), VOID), height, width)
        objects = {name: tracks[value] for name, value in values.items()}
        return VideoTruth(height, width, objects, {"void": tracks[VOID]} if any(tracks[VOID]) else {})


def owned_videos(layout: Layout, ids: set[str]) -> set[str]:
    """Return the videos that are the split's own: ``valid``'s expression file holds those of ``test`` too.

    Without the expression file of ``test``, they are those that have frames.
    """
    if layout.others is None:
        return ids
    if layout.others.is_file():
        return ids - set(read_videos(layout.others))
    frames = layout.root / layout.split / "JPEGImages"
    return {video_id for video_id in ids if (frames / video_id).is_dir()}


def _names_objects(videos: dict[str, object], ids: set[str]) -> bool:
    """Whether the first expression of the first video names its object."""
    for video_id in sorted(ids):
        entry = videos.get(video_id)
        expressions = entry.get("expressions") if isinstance(entry, dict) else None
        for raw in expressions.values() if isinstance(expressions, dict) else ():
            return isinstance(raw, dict) and "obj_id" in raw
    return False
