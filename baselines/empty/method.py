"""The smallest method: no target, always. A heuristic baseline for every table, and the example to start from."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mevis_bench.records import (
    CaptionPrediction,
    MaskPrediction,
    MethodConfig,
    Prediction,
    Prompt,
    TrackPrediction,
    Video,
)


class Empty:
    """Empty predictions of the task's type."""

    def __init__(self, task: str) -> None:
        self.task = task

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[Prediction]:
        """Yield an empty prediction per prompt, without decoding a frame."""
        for _ in prompts:
            yield self._nothing(video)

    def _nothing(self, video: Video) -> Prediction:
        if self.task == "rmeg":
            return CaptionPrediction("")
        if self.task == "rmot":
            return TrackPrediction(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 4), np.float64))
        return MaskPrediction(np.zeros((len(video), video.height, video.width), bool), objects=(), target_score=0.0)

    def close(self) -> None:
        """No-op."""


def load(config: MethodConfig[Mapping[str, object]]) -> Empty:
    """Build the method for one task; it has no files."""
    return Empty(config.task)
