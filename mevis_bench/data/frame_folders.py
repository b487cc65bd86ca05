"""Base of the data sets whose videos are folders of frames and whose sentences are in JSON."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mevis_bench.files.names import resolve_inside
from mevis_bench.records import Expression, GroundTruth, Rle, UsageError, Video
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.records.image_file import open_image
from mevis_bench.records.suggestion import did_you_mean

Track = tuple[Rle | None, ...]
"""One object's masks: one per frame, ``None`` where it is absent."""


@dataclass(frozen=True, slots=True)
class VideoEntry:
    """Frames and expressions of one video.

    Attributes:
        frames: Names of the frames that are predicted, without suffix, in order; at least one.
        expressions: In file order.
        scored: Indices of the frames that are scored; ``None``: all.
    """

    frames: tuple[str, ...]
    expressions: tuple[Expression, ...]
    scored: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class VideoTruth:
    """Ground truth of one video.

    Attributes:
        height: Rows, in pixels.
        width: Columns, in pixels.
        objects: Masks of every object by its annotation id.
        regions: Further masks of the video, see ``GroundTruth.regions``.
    """

    height: int
    width: int
    objects: Mapping[str, Track]
    regions: Mapping[str, Track]


class FrameFolders(ABC):
    """One split, a :class:`mevis_bench.records.dataset.Dataset`. Subclasses read a layout.

    Attributes:
        info: Facts of the data set.
        split: Name of the split.
        root: Folder of the data set.
        has_ground_truth: Whether it can be scored.
        video_ids: Ids of all videos, in the order in which means are taken: sorted, unless the original takes them in
            the order of a file.
    """

    def __init__(self, info: DatasetInfo, root: Path, split: str, video_ids: Sequence[str], *, truth: bool) -> None:
        self.info = info
        self.root = root
        self.split = split
        self.has_ground_truth = truth
        self.video_ids = tuple(video_ids)
        self._known = frozenset(video_ids)
        self._entries: dict[str, VideoEntry] = {}
        self._truth: tuple[str, VideoTruth] | None = None

    @abstractmethod
    def read_entry(self, video_id: str) -> VideoEntry:
        """Read frames and expressions of a known video.

        Raises:
            DataError: The entry is invalid.
        """

    @abstractmethod
    def frame_path(self, video_id: str, frame: str) -> str:
        """Return the path of a frame's image file, relative to ``root``."""

    @abstractmethod
    def read_truth(self, video_id: str) -> VideoTruth:
        """Read the ground truth of a known video of a split that has ground truth.

        Raises:
            DataError: An annotation is missing or invalid.
        """

    @abstractmethod
    def annotation_files(self) -> Sequence[Path]:
        """Return the files that decide prompts and ground truth, in a fixed order; JSON files are hashed whole,
        of mask images name and size are.
        """

    @property
    def unscored_samples(self) -> frozenset[str]:
        """See :class:`mevis_bench.records.dataset.Dataset`: none."""
        return frozenset()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the annotation files."""
        digest = hashlib.sha256()
        for path in self.annotation_files():
            digest.update(f"{path.relative_to(self.root).as_posix()} {path.stat().st_size}\n".encode())
            if path.suffix != ".png":
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def video(self, video_id: str) -> Video:
        """Return the frames of one video, not yet decoded.

        Raises:
            UsageError: Unknown video.
            DataError: A path leaves the folder, or the first frame cannot be read.
        """
        names = self._entry(video_id).frames
        location = f"{self.root}, video {video_id}"
        paths = tuple(
            resolve_inside(self.root, self.frame_path(video_id, name), "frame path", location) for name in names
        )
        with open_image(paths[0], str(paths[0])) as image:
            height, width = image.height, image.width
        return Video(video_id, names, paths, height, width)

    def frame_names(self, video_id: str) -> tuple[str, ...]:
        """Return the names of a video's frames; raises like :meth:`expressions`."""
        return self._entry(video_id).frames

    def expressions(self, video_id: str) -> tuple[Expression, ...]:
        """Return the expressions of one video, in file order.

        Raises:
            UsageError: Unknown video.
            DataError: The video's entry is invalid.
        """
        return self._entry(video_id).expressions

    def audio(self, video_id: str, expression_id: str) -> Path | None:
        """Return ``None``: no sentence is spoken.

        Raises:
            UsageError: Unknown video or expression.
        """
        self._expression(video_id, expression_id)
        return None

    def ground_truth(self, video_id: str, expression_id: str) -> GroundTruth:
        """Return the ground truth of one expression.

        Raises:
            UsageError: Unknown video or expression, or the split has no ground truth.
            DataError: An annotation is missing or invalid.
        """
        return self._ground_truth(video_id, self._expression(video_id, expression_id))

    def ground_truths(self, video_id: str) -> tuple[GroundTruth, ...]:
        """Return the ground truth of every expression of one video, in file order; raises like ``ground_truth``."""
        return tuple(self._ground_truth(video_id, expression) for expression in self.expressions(video_id))

    def _ground_truth(self, video_id: str, expression: Expression) -> GroundTruth:
        if expression.annotation_ids is None:
            raise UsageError(f"split {self.split!r} has no ground truth", location=str(self.root))
        if (
            self._truth is None or self._truth[0] != video_id
        ):  # a video's ground truth is requested several times in a row
            self._truth = video_id, self.read_truth(video_id)
        truth, entry = self._truth[1], self._entry(video_id)
        ids = expression.annotation_ids
        absent = (None,) * len(entry.frames)
        return GroundTruth(
            video_id=video_id,
            expression=expression,
            height=truth.height,
            width=truth.width,
            length=len(entry.frames),
            objects=tuple(truth.objects.get(name, absent) for name in ids),
            references=tuple(other.text for other in entry.expressions if other.annotation_ids == ids),
            regions=truth.regions,
            scored=entry.scored,
        )

    def _entry(self, video_id: str) -> VideoEntry:
        if video_id not in self._known:
            ids = self.video_ids
            hint = did_you_mean(video_id, ids) if len(ids) <= 20 else f"It has {len(ids)}: {ids[0]} to {ids[-1]}."
            raise UsageError(f"unknown video {video_id!r}", location=f"{self.root}, split {self.split}", hint=hint)
        if video_id not in self._entries:
            self._entries[video_id] = self.read_entry(video_id)
        return self._entries[video_id]

    def _expression(self, video_id: str, expression_id: str) -> Expression:
        expressions = {expression.id: expression for expression in self.expressions(video_id)}
        if expression_id not in expressions:
            raise UsageError(
                f"video {video_id!r} has no expression {expression_id!r}",
                location=f"{self.root}, split {self.split}",
                hint=did_you_mean(expression_id, list(expressions)[:20]),
            )
        return expressions[expression_id]
