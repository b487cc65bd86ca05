"""Reads Refer-KITTI and Refer-KITTI-V2."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from mevis_bench.data.frame_folders import FrameFolders, Track, VideoEntry, VideoTruth
from mevis_bench.data.refer_kitti.files import (
    EXPRESSIONS,
    FRAMES,
    LABELS,
    SEQMAP,
    Box,
    Referral,
    list_expressions,
    list_frames,
    read_labels,
    read_referral,
    read_seqmap,
)
from mevis_bench.data.refer_kitti.rectangles import rectangle
from mevis_bench.files.names import is_valid_name, resolve_inside
from mevis_bench.records import DataError, Expression, GroundTruth, TrackPrediction, UsageError
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.records.ground_truth import BoxTruth
from mevis_bench.records.image_file import open_image

Key = tuple[int, tuple[int, ...]]
"""A track, and the frames in which a sentence refers to it."""


@dataclass(frozen=True, slots=True)
class KittiVideo:
    """Files of one video, read.

    Attributes:
        frames: Names of the frames.
        suffix: Suffix of the image files.
        height: Rows, in pixels.
        width: Columns, in pixels.
        boxes: Boxes of every frame by track.
        referrals: The video's expressions by id.
    """

    frames: tuple[str, ...]
    suffix: str
    height: int
    width: int
    boxes: Sequence[Mapping[int, Box]]
    referrals: Mapping[str, Referral]

    def keys(self, name: str) -> tuple[Key, ...]:
        """Return the tracks of an expression that have a box, with the frames in which it refers to them."""
        frames: dict[int, list[int]] = {}
        for frame, track in self.references(name):
            if track in self.boxes[frame]:
                frames.setdefault(track, []).append(frame)
        return tuple((track, tuple(numbers)) for track, numbers in sorted(frames.items()))

    def references(self, name: str) -> Iterator[tuple[int, int]]:
        """Yield frame and track of everything that an expression refers to."""
        for frame, tracks in self.referrals[name].tracks.items():
            for track in tracks:
                yield frame, track

    def tracks(self, name: str, ahead: int) -> TrackPrediction:
        """Return the boxes of an expression; at every frame those of the frame ``ahead`` of it."""
        entries = [
            (frame, track, self.boxes[frame + ahead][track])
            for frame, track in self.references(name)
            if frame + ahead < len(self.boxes) and track in self.boxes[frame + ahead]
        ]
        return TrackPrediction(
            np.array([frame for frame, _, _ in entries], np.int64),
            np.array([track for _, track, _ in entries], np.int64),
            np.array([box for _, _, box in entries], np.float64).reshape(len(entries), 4),
        )


class ReferKittiSplit(FrameFolders):
    """The split ``test``, which is what the seqmap names, or ``train``: all expressions of the videos it does not name.

    An object is a track and the frames in which a sentence refers to it ("cars while they turn"), because sentences
    may refer to one track in different frames.
    """

    def __init__(self, info: DatasetInfo, root: Path, split: str) -> None:
        self._seqmap = read_seqmap(root / SEQMAP)
        self._check_seqmap(root)
        there = [path.name for path in (root / EXPRESSIONS).iterdir() if path.is_dir() and is_valid_name(path.name)]
        ids = list(self._seqmap) if split == "test" else sorted(set(there) - set(self._seqmap))
        super().__init__(info, root, split, ids, truth=(root / LABELS).is_dir())
        self._videos: tuple[str, KittiVideo] | None = None

    def _check_seqmap(self, root: Path) -> None:
        for video_id, names in self._seqmap.items():
            known = list_expressions(resolve_inside(root / EXPRESSIONS, video_id, "video folder", str(root / SEQMAP)))
            unknown = [name for name in names if name not in known]
            if unknown:
                raise DataError(
                    f"sequence {video_id}+{unknown[0]} does not exist"
                    + (f", nor do {len(unknown) - 1} more of video {video_id}" if len(unknown) > 1 else ""),
                    location=str(root / SEQMAP),
                    hint=f"Its expression would be {EXPRESSIONS}/{video_id}/{unknown[0]}.json; the seqmaps of the two "
                    "versions are different.",
                )

    @cached_property
    def unscored_samples(self) -> frozenset[str]:
        """Expressions of the split's videos that the seqmap leaves out."""
        return frozenset(
            f"{video_id}/{name}"
            for video_id in self._seqmap
            if self.split == "test"
            for name in list_expressions(self.root / EXPRESSIONS / video_id)
            if name not in self._seqmap[video_id]
        )

    def read_video(self, video_id: str) -> KittiVideo:
        """Read the label files and expressions of a known video; the last one is kept.

        Raises:
            DataError: A file is missing or invalid.
        """
        if self._videos is None or self._videos[0] != video_id:
            self._videos = video_id, self._read_video(video_id)
        return self._videos[1]

    def _read_video(self, video_id: str) -> KittiVideo:
        paths = list_frames(resolve_inside(self.root, f"{FRAMES}/{video_id}", "frame folder", str(self.root)))
        with open_image(paths[0], str(paths[0])) as image:
            height, width = image.height, image.width
        labels = resolve_inside(self.root, f"{LABELS}/{video_id}", "label folder", str(self.root))
        files = list_expressions(resolve_inside(self.root, f"{EXPRESSIONS}/{video_id}", "folder", str(self.root)))
        names = self._seqmap[video_id] if self.split == "test" else tuple(files)
        return KittiVideo(
            frames=tuple(path.stem for path in paths),
            suffix=paths[0].suffix,
            height=height,
            width=width,
            boxes=[read_labels(labels / f"{path.stem}.txt", height, width) for path in paths],
            referrals={name: read_referral(files[name], len(paths)) for name in names},
        )

    def _names(self, video: KittiVideo) -> Mapping[Key, str]:
        """Name the objects of a video: ``<track>``, and ``<track>.<n>`` where sentences differ in the frames."""
        names: dict[Key, str] = {}
        count: dict[int, int] = {}
        for expression in video.referrals:
            for key in video.keys(expression):
                if key not in names:
                    number = count[key[0]] = count.get(key[0], 0) + 1
                    names[key] = str(key[0]) if number == 1 else f"{key[0]}.{number}"
        return names

    def count_absent(self, video_id: str) -> int:
        """Return how often the sentences of a known video name a track in a frame in which it has no box."""
        video = self.read_video(video_id)
        return sum(
            track not in video.boxes[frame] for name in video.referrals for frame, track in video.references(name)
        )

    def read_entry(self, video_id: str) -> VideoEntry:
        """See :class:`FrameFolders`."""
        video = self.read_video(video_id)
        names = self._names(video)
        expressions = tuple(
            Expression(
                name,
                referral.text,
                tuple(names[key] for key in video.keys(name)) if self.has_ground_truth else None,
            )
            for name, referral in video.referrals.items()
        )
        return VideoEntry(video.frames, expressions)

    def frame_path(self, video_id: str, frame: str) -> str:
        """See :class:`FrameFolders`."""
        return f"{FRAMES}/{video_id}/{frame}{self.read_video(video_id).suffix}"

    def read_truth(self, video_id: str) -> VideoTruth:
        """See :class:`FrameFolders`: every box as a rectangle of whole pixels."""
        video = self.read_video(video_id)
        height, width = video.height, video.width
        objects: dict[str, Track] = {}
        for (track, frames), name in self._names(video).items():
            there = set(frames)
            objects[name] = tuple(
                rectangle(boxes[track], height, width) if frame in there else None
                for frame, boxes in enumerate(video.boxes)
            )
        return VideoTruth(height, width, objects, {})

    def _ground_truth(self, video_id: str, expression: Expression) -> GroundTruth:
        """Add the boxes with all their decimals."""
        truth, video = super()._ground_truth(video_id, expression), self.read_video(video_id)
        boxes: dict[BoxTruth, TrackPrediction] = {
            "annotated": video.tracks(expression.id, ahead=0),
            "next_frame": video.tracks(expression.id, ahead=1),
        }
        return replace(truth, boxes=boxes)

    def annotation_files(self) -> Sequence[Path]:
        """See :class:`FrameFolders`."""
        files = [self.root / SEQMAP]
        for video_id in self.video_ids:
            files += sorted((self.root / EXPRESSIONS / video_id).glob("*.json"))
            files += sorted((self.root / LABELS / video_id).glob("*.txt"))
        return files


def find_root(root: Path | None, split: str) -> Path:
    """Return the folder of the data set.

    Raises:
        UsageError: It does not hold the layout, or there is no such split.
    """
    if root is None or not (root / EXPRESSIONS).is_dir() or not (root / FRAMES).is_dir():
        raise UsageError(
            f"no Refer-KITTI here: expected {EXPRESSIONS}/<video>/ and {FRAMES}/<video>/; its splits are train, test",
            location="--data" if root is None else str(root),
        )
    if split not in ("train", "test"):
        raise UsageError(f"no split {split!r}: train, test", location=str(root))
    if not (root / SEQMAP).is_file():
        raise UsageError(
            f"{SEQMAP} is missing: it names the expressions that are scored",
            location=str(root),
            hint="It comes with the code of TransRMOT (Refer-KITTI) and of TempRMOT (V2): <video>+<expression> a line.",
        )
    return root
