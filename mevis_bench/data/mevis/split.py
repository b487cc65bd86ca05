"""Reads MeViS, versions 1 and 2, from disk: what methods see, and apart from it the truth.

Frames are only named here and decoded on access. The annotation files are read once; ``mask_dict.json`` not
before ground truth is requested, so that predicting never reads it.
"""

import hashlib
from functools import cached_property
from pathlib import Path

from mevis_bench.data.frame_files import frame_files
from mevis_bench.data.mevis.annotations import (
    VideoEntry,
    parse_boxes,
    parse_masks,
    parse_track,
    parse_video,
    parse_videos,
)
from mevis_bench.data.mevis.layout import BOX_NAME, FRAME_FOLDER, SplitLayout
from mevis_bench.files.names import resolve_inside
from mevis_bench.files.strict_json import read_json
from mevis_bench.records import DataError, Expression, GroundTruth, Rle, TrackPrediction, UsageError, Video
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.records.image_file import image_size
from mevis_bench.records.suggestion import did_you_mean


class MevisSplit:
    """One split in MeViS's layout, a :class:`mevis_bench.records.dataset.Dataset`.

    Attributes:
        info: Facts of the data set.
        split: Its name, for instance ``valid_u``.
        root: Its folder.
        has_ground_truth: Whether it has masks; ``valid`` and ``test`` of the real data have none.
        video_ids: Ids of all videos, sorted.
    """

    def __init__(self, info: DatasetInfo, layout: SplitLayout) -> None:
        self.info = info
        self.split = layout.root.name
        self.root = layout.root
        self.has_ground_truth = layout.masks is not None
        self._layout = layout
        self._raw = parse_videos(read_json(layout.meta), str(layout.meta))
        self._entries: dict[str, VideoEntry] = {}
        self._tracks: tuple[str, dict[str, tuple[Rle | None, ...]]] = ("", {})
        self.video_ids: tuple[str, ...] = tuple(sorted(self._raw))

    @property
    def unscored_samples(self) -> frozenset[str]:
        """See :class:`mevis_bench.records.dataset.Dataset`: none."""
        return frozenset()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the annotation files: splits with the same one have the same prompts and ground truth."""
        digest = hashlib.sha256()
        for path in (self._layout.meta, self._layout.masks, self._layout.boxes):
            if path is not None:
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def video(self, video_id: str) -> Video:
        """Return the frames of one video, not yet decoded.

        Raises:
            UsageError: There is no such video.
            DataError: A path leaves the split, or the first frame cannot be read.
        """
        names = self._entry(video_id).frames
        location = f"{self._layout.meta}, video {video_id}"
        folder = self._resolve(f"{FRAME_FOLDER}/{video_id}", "frame folder", location)
        paths, links = frame_files(folder, names)
        for path in links:  # any other file lies where its folder lies; resolving every path is slow
            self._resolve(path.relative_to(self.root).as_posix(), "frame path", location)
        height, width = image_size(paths[0])
        return Video(video_id, names, paths, height, width)

    def frame_names(self, video_id: str) -> tuple[str, ...]:
        """Return the names of a video's frames, without suffix, in order; the files need not be there.

        Raises:
            UsageError: There is no such video.
            DataError: The video's entry is broken.
        """
        return self._entry(video_id).frames

    def expressions(self, video_id: str) -> tuple[Expression, ...]:
        """Return every expression of one video, in file order.

        Raises:
            UsageError: There is no such video.
            DataError: The video's entry is broken.
        """
        return self._entry(video_id).expressions

    def audio(self, video_id: str, expression_id: str) -> Path | None:
        """Return the sound file of one expression, ``None`` where the split has none for it.

        Raises:
            UsageError: There is no such video or expression.
            DataError: The path leaves the split.
        """
        expression = self._expression(video_id, expression_id)
        if expression.audio is None:
            return None
        location = f"{self._layout.meta}, video {video_id}, expression {expression_id}, audio"
        return self._resolve(expression.audio, "audio path", location)

    def ground_truth(self, video_id: str, expression_id: str) -> GroundTruth:
        """Return what is right for one expression.

        Raises:
            UsageError: There is no such video or expression, or the split has no truth.
            DataError: An annotation is missing or broken.
        """
        return self._truth(video_id, self._expression(video_id, expression_id))

    def ground_truths(self, video_id: str) -> tuple[GroundTruth, ...]:
        """Return what is right for every expression of one video, in file order; raises like ``truth``."""
        return tuple(self._truth(video_id, expression) for expression in self.expressions(video_id))

    def _truth(self, video_id: str, expression: Expression) -> GroundTruth:
        ids = expression.annotation_ids
        if ids is None:
            raise UsageError(
                f"split '{self.split}' has no ground truth (no mask_dict.json)",
                location=str(self.root),
                hint="The ground truth of valid and test is on the benchmark's server; train and valid_u have theirs.",
            )
        entry = self._entry(video_id)
        height, width = self._size(video_id)
        return GroundTruth(
            video_id=video_id,
            expression=expression,
            height=height,
            width=width,
            length=len(entry.frames),
            objects=tuple(self._object(one, video_id, expression.id) for one in ids),
            references=tuple(
                other.text
                for other in sorted(entry.expressions, key=lambda other: _natural(other.id))
                if set(other.annotation_ids or ()) == set(ids)
            ),
            boxes={} if self._layout.boxes is None else {"annotated": self._tracks_of(ids, len(entry.frames))},
        )

    def _entry(self, video_id: str) -> VideoEntry:
        if video_id not in self._raw:
            raise UsageError(
                f"video '{video_id}' not found",
                location=str(self._layout.meta),
                hint=_known(video_id, self.video_ids),
            )
        if video_id not in self._entries:
            location = f"{self._layout.meta}, video {video_id}"
            self._entries[video_id] = parse_video(self._raw[video_id], location, has_ground_truth=self.has_ground_truth)
        return self._entries[video_id]

    def _resolve(self, relative: str, kind: str, location: str) -> Path:
        return resolve_inside(self.root, relative, kind, location, within=self._layout.data_root)

    def _expression(self, video_id: str, expression_id: str) -> Expression:
        expressions = {expression.id: expression for expression in self._entry(video_id).expressions}
        if expression_id not in expressions:
            raise UsageError(
                f"video '{video_id}' has no expression '{expression_id}'",
                location=str(self._layout.meta),
                hint=_known(expression_id, tuple(expressions)),
            )
        return expressions[expression_id]

    @cached_property
    def _masks(self) -> dict[str, object]:
        path = self._layout.masks
        return {} if path is None else parse_masks(read_json(path), str(path))

    def _object(self, annotation_id: str, video_id: str, expression_id: str) -> tuple[Rle | None, ...]:
        if annotation_id not in self._masks:
            raise DataError(
                f"anno_id {annotation_id} is not in mask_dict.json",
                location=f"{self._layout.meta}, video {video_id}, expression {expression_id}",
            )
        if self._tracks[0] != video_id:  # a video's objects are requested several times in a row, then never again
            self._tracks = (video_id, {})
        tracks = self._tracks[1]
        if annotation_id not in tracks:
            location = f"{self._layout.masks}, key {annotation_id}"
            tracks[annotation_id] = parse_track(self._masks[annotation_id], len(self._entry(video_id).frames), location)
        return tracks[annotation_id]

    @cached_property
    def _boxes(self) -> dict[str, object]:
        path = self._layout.boxes
        return {} if path is None else parse_masks(read_json(path), str(path))

    def _tracks_of(self, annotation_ids: tuple[str, ...], length: int) -> TrackPrediction:
        """Return the boxes of objects, one track each."""
        import numpy as np

        entries = []
        for track, name in enumerate(annotation_ids):
            if name not in self._boxes:
                raise DataError(f"anno_id {name} is not in {BOX_NAME}", location=str(self._layout.boxes))
            boxes = parse_boxes(self._boxes[name], length, f"{self._layout.boxes}, key {name}")
            entries += [(frame, track, *box) for frame, box in enumerate(boxes) if box is not None]
        table = np.array(entries, np.float64).reshape(len(entries), 6)
        return TrackPrediction(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2:])

    def _size(self, video_id: str) -> tuple[int, int]:
        """Return height and width: those of the video's masks; without any those of its entry, or its first frame."""
        for expression in self._entry(video_id).expressions:
            for annotation_id in expression.annotation_ids or ():
                for mask in self._object(annotation_id, video_id, expression.id):
                    if mask is not None:
                        return mask.height, mask.width
        size = self._entry(video_id).size
        if size is not None:
            return size
        video = self.video(video_id)
        return video.height, video.width


def _known(word: str, known: tuple[str, ...]) -> str:
    """Suggest one of many ids without printing them all."""
    return did_you_mean(word, known) if len(known) <= 20 else f"It has {len(known)}: {known[0]} to {known[-1]}."


def _natural(expression_id: str) -> tuple[int, str]:
    """Sort "2" before "10"."""
    return (int(expression_id) if expression_id.isdecimal() else -1, expression_id)
