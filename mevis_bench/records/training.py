"""What a method is told when it is trained: ``baselines/<name>/train.py`` has ``train(setup: TrainingArguments)``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mevis_bench.records.ground_truth import GroundTruth
from mevis_bench.records.video import Video


class TrainingData(Protocol):
    """A split with truth: the only door through which a method meets ground truth, and only in training."""

    @property
    def video_ids(self) -> tuple[str, ...]:
        """Ids of all videos, sorted."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of the split's annotation files; stored beside the weights made from it."""
        ...

    def video(self, video_id: str) -> Video:
        """Return the frames of one video, not yet decoded."""
        ...

    def audio(self, video_id: str, expression_id: str) -> Path | None:
        """Return the sound file of a spoken expression, ``None`` where it is not spoken."""
        ...

    def ground_truths(self, video_id: str) -> Sequence[GroundTruth]:
        """Return the truth of every expression of one video, in file order."""
        ...


@dataclass(frozen=True, slots=True)
class TrainingArguments:
    """Everything a training is told.

    Attributes:
        variant: Name of the variant in ``method.yaml``.
        options: The resolved training configuration (``configs/train/<method>-<variant>.yaml`` and ``--set``).
        data: What to learn from.
        held_out: What to measure on while training, never to learn from.
        out: Folder for checkpoints, loss curves and the final weights; a second call with the same folder resumes.
        device: A torch device string.
        seed: Seed of everything random.
        progress: Called with (stage, steps done, steps in all, losses by name) after every logged step.
    """

    variant: str
    options: Mapping[str, object]
    data: TrainingData
    held_out: TrainingData
    out: Path
    device: str
    seed: int
    progress: Callable[[str, int, int, Mapping[str, float]], None]
