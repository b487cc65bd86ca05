"""Training configurations (``configs/train/videollama2-*.yaml``)."""

from dataclasses import dataclass
from typing import Literal

from baselines.videollama2.adapter_train import AdapterTrainOptions


@dataclass(frozen=True, slots=True)
class VisionOptions:
    """Stage 1: optimizer steps, peak learning rate, target sets per step."""

    steps: int
    learning_rate: float
    targets: int


@dataclass(frozen=True, slots=True)
class CaptionOptions:
    """Stage 2: as stage 1; ``sentences`` of each target set, drawn with repetition."""

    steps: int
    learning_rate: float
    targets: int
    sentences: int


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """Mini variant: options of both stages and of the preprocessing, ``frames``, ``fit``, ``color`` and ``alpha``."""

    vision: VisionOptions
    captions: CaptionOptions
    frames: int
    fit: Literal["crop", "pad", "squash"]
    color: tuple[int, ...]
    alpha: float


OPTIONS = {
    "mini": TrainOptions,
    "7b": AdapterTrainOptions,
    "7b-16f": AdapterTrainOptions,
    "2.1-7b-16f": AdapterTrainOptions,
}
