"""Base of the data sets with one file of frames and expressions per split: ``{"videos": {<id>: {...}}}``."""

from abc import abstractmethod
from pathlib import Path

from mevis_bench.data.frame_folders import FrameFolders, VideoEntry
from mevis_bench.data.mevis.annotations import parse_expressions, parse_frames
from mevis_bench.data.sentences import read_videos
from mevis_bench.records import Expression
from mevis_bench.records.dataset import DatasetInfo


class ExpressionFileSplit(FrameFolders):
    """One split whose videos, frames and sentences are those of its expression file."""

    def __init__(self, info: DatasetInfo, root: Path, split: str, meta: Path, *, truth: bool) -> None:
        """Read the expression file; an entry is not parsed before it is requested.

        Args:
            info: Facts of the data set.
            root: Its folder.
            split: Name of the split.
            meta: The expression file.
            truth: Whether the split has ground truth.

        Raises:
            DataError: The file cannot be read, or has no videos.
        """
        self.meta = meta
        self.raw_videos = read_videos(meta)
        super().__init__(info, root, split, sorted(self.raw_videos), truth=truth)

    @abstractmethod
    def parse_expression(self, expression_id: str, raw: object, location: str) -> Expression:
        """Return the record of one expression.

        Args:
            expression_id: Its id, a valid name.
            raw: Its entry in the file.
            location: File, video and expression, for messages.

        Raises:
            DataError: The entry is invalid.
        """

    def read_entry(self, video_id: str) -> VideoEntry:
        """See :class:`FrameFolders`."""
        raw, location = self.raw_videos[video_id], self.location(video_id)
        expressions = tuple(
            self.parse_expression(expression_id, value, f"{location}, expression {expression_id}")
            for expression_id, value in parse_expressions(raw, location).items()
        )
        return VideoEntry(parse_frames(raw, location), expressions)

    def location(self, video_id: str) -> str:
        """Return a video's place for messages."""
        return f"{self.meta}, video {video_id}"
