"""The training configuration of the mini variant (``configs/train/lmpmpp-mini.yaml``), checked."""

from collections.abc import Mapping
from dataclasses import dataclass

from baselines.layers.training.train_options import read_train_options


@dataclass(frozen=True, slots=True)
class ExtractorOptions:
    """Stage 1: optimizer steps, peak learning rate, frames a step."""

    steps: int
    learning_rate: float
    frames: int


@dataclass(frozen=True, slots=True)
class DetectionOptions:
    """Stage 2: optimizer steps, peak learning rate, frames a step."""

    steps: int
    learning_rate: float
    frames: int


@dataclass(frozen=True, slots=True)
class AlignmentOptions:
    """Stage 3: optimizer steps, peak learning rate, videos a step and sentences of each."""

    steps: int
    learning_rate: float
    videos: int
    sentences: int


@dataclass(frozen=True, slots=True)
class SpeechOptions:
    """Stage 4: optimizer steps, peak learning rate, utterances a step.

    ``share``: of the steps of stages 5 and 6, so many ask by speech. Nothing of it where the split has no speech, or
    with 0 steps.
    """

    steps: int
    learning_rate: float
    utterances: int
    share: float


@dataclass(frozen=True, slots=True)
class LanguageOptions:
    """Stages 5 and 6: as stage 3; ``shuffled_videos`` of each step also give the disrupted tokens of equation 1."""

    steps: int
    learning_rate: float
    videos: int
    sentences: int
    shuffled_videos: int


@dataclass(frozen=True, slots=True)
class AdapterOptions:
    """Stage 6: optimizer steps, peak learning rate."""

    steps: int
    learning_rate: float


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """All stages; every ``measure_every`` steps the held-out split is measured.

    ``contrastive``: with L_con in stages 3, 5 and 6 (row (iii) of Table 4), or without (rows (i) and (ii)).
    """

    extractor: ExtractorOptions
    detection: DetectionOptions
    alignment: AlignmentOptions
    speech: SpeechOptions
    language: LanguageOptions
    adapters: AdapterOptions
    contrastive: bool
    measure_every: int

    @classmethod
    def read(cls, options: Mapping[str, object]) -> "TrainOptions":
        """Check a resolved configuration.

        Raises:
            UsageError: A key is unknown, missing or of the wrong kind.
        """
        return read_train_options(options, cls)
