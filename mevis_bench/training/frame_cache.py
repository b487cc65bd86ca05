"""Decoded frames that are used again soon, in a bounded cache per process."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import Expression, GroundTruth, TrainingData, Video


class FrameCache:
    """Least recently used frames by path.

    Args:
        max_bytes: Largest sum of the frames' sizes; 0: nothing is cached.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self._frames: OrderedDict[Path, NDArray[np.uint8]] = OrderedDict()

    def get(self, path: Path) -> NDArray[np.uint8] | None:
        """Return a frame, or ``None`` where it is not cached."""
        frame = self._frames.get(path)
        if frame is not None:
            self._frames.move_to_end(path)
        return frame

    def put(self, path: Path, frame: NDArray[np.uint8]) -> None:
        """Cache a frame, which becomes read-only, and drop the least recently used ones that no longer fit."""
        frame.flags.writeable = False
        self._frames[path] = frame
        self.bytes += frame.nbytes
        while self.bytes > self.max_bytes:
            _, dropped = self._frames.popitem(last=False)
            self.bytes -= dropped.nbytes


@dataclass(frozen=True, slots=True)
class CachedVideo(Video):
    """A video whose decoded frames are cached.

    Attributes:
        cache: The cache.
    """

    cache: FrameCache

    def frame(self, index: int) -> NDArray[np.uint8]:
        """See :class:`Video`; the array is read-only."""
        path = self.frame_paths[index]
        frame = self.cache.get(path)
        if frame is None:
            frame = Video.frame(self, index)
            self.cache.put(path, frame)
        return frame


class CachedData:
    """A split whose videos share a frame cache; see :class:`TrainingData`.

    Args:
        data: The split.
        cache: The cache.
        max_videos: Only the first videos are used (dry runs); ``None``: all.
    """

    def __init__(self, data: TrainingData, cache: FrameCache, max_videos: int | None = None) -> None:
        self._data = data
        self._cache = cache
        self._video_ids = data.video_ids[:max_videos]

    @property
    def video_ids(self) -> tuple[str, ...]:
        """Ids of the videos, sorted."""
        return self._video_ids

    @property
    def fingerprint(self) -> str:
        """Hash of the split's annotation files."""
        return self._data.fingerprint

    def video(self, video_id: str) -> Video:
        """Return one video."""
        video = self._data.video(video_id)
        values: dict[str, Any] = {field.name: getattr(video, field.name) for field in fields(Video)}
        return CachedVideo(**values, cache=self._cache)

    def expressions(self, video_id: str) -> Sequence[Expression]:
        """Return the expressions of one video, in file order."""
        return self._data.expressions(video_id)

    def audio(self, video_id: str, expression_id: str) -> Path | None:
        """Return the sound file of a spoken expression, ``None`` where it is not spoken."""
        return self._data.audio(video_id, expression_id)

    def ground_truths(self, video_id: str) -> Sequence[GroundTruth]:
        """Return the ground truth of every expression of one video."""
        return self._data.ground_truths(video_id)
