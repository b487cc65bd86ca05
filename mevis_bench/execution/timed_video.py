"""A video that measures its decoding and remembers a frame that cannot be read."""

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import DataError, Video


@dataclass(slots=True)
class Decoding:
    """Seconds spent decoding frames, and the error of a frame that cannot be read."""

    seconds: float = 0.0
    error: DataError | None = None


@dataclass(frozen=True, slots=True)
class TimedVideo(Video):
    """A video with the measurement of its decoding."""

    decoding: Decoding = field(default_factory=Decoding)

    @classmethod
    def of(cls, video: Video) -> "TimedVideo":
        """Return the same video, nothing decoded yet."""
        return cls(video.id, video.frame_names, video.frame_paths, video.height, video.width)

    def frame(self, index: int) -> NDArray[np.uint8]:
        """Decode one frame (see ``Video.frame``)."""
        start = time.perf_counter()
        try:
            return Video.frame(self, index)
        except DataError as error:
            self.decoding.error = error
            raise
        finally:
            self.decoding.seconds += time.perf_counter() - start
