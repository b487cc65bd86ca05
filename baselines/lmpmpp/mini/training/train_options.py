"""Training configuration of the mini variant (``configs/train/lmpmpp-mini.yaml``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol


class StageOptions(Protocol):
    """Options that every stage has: optimizer steps and peak learning rate."""

    @property
    def steps(self) -> int:
        """Optimizer steps."""
        ...

    @property
    def learning_rate(self) -> float:
        """Peak learning rate."""
        ...


@dataclass(frozen=True, slots=True)
class ExtractorOptions:
    """Stage 1; ``frames``: per step."""

    steps: int
    learning_rate: float
    frames: int


@dataclass(frozen=True, slots=True)
class DetectionOptions:
    """Stage 2; ``frames``: per step."""

    steps: int
    learning_rate: float
    frames: int


@dataclass(frozen=True, slots=True)
class AlignmentOptions:
    """Stage 3; ``videos``: per step; ``sentences``: per video."""

    steps: int
    learning_rate: float
    videos: int
    sentences: int


@dataclass(frozen=True, slots=True)
class SpeechOptions:
    """Stage 4; ``utterances``: per step.

    ``share``: fraction of the steps of stages 5 and 6 with speech prompts. Stage 4 is skipped, and all prompts are
    text, if the split has no speech or ``steps`` is 0.
    """

    steps: int
    learning_rate: float
    utterances: int
    share: float


@dataclass(frozen=True, slots=True)
class LanguageOptions:
    """Stages 5 and 6: as stage 3; ``shuffled_videos``: videos per step that also give disrupted <SEG> tokens."""

    steps: int
    learning_rate: float
    videos: int
    sentences: int
    shuffled_videos: int


@dataclass(frozen=True, slots=True)
class AdapterOptions:
    """Stage 6."""

    steps: int
    learning_rate: float


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """Options of all stages.

    Attributes:
        extractor: Stage 1.
        detection: Stage 2.
        alignment: Stage 3.
        speech: Stage 4.
        language: Stage 5, and the batches of stage 6.
        adapters: Stage 6.
        contrastive: Whether L_con is in stages 3, 5 and 6: row (iii) of Table 4, or rows (i) and (ii).
        temperature: tau of equation 1.
        eval_every: Steps between two evaluations on the validation split.
    """

    extractor: ExtractorOptions
    detection: DetectionOptions
    alignment: AlignmentOptions
    speech: SpeechOptions
    language: LanguageOptions
    adapters: AdapterOptions
    contrastive: bool
    temperature: float
    eval_every: int

    renamed_fields: ClassVar[Mapping[str, str]] = {"measure_every": "eval_every"}
