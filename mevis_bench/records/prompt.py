"""Prompts of a method: a sentence, a spoken sentence, or masks of the target objects."""

from dataclasses import dataclass
from pathlib import Path
from typing import final

from mevis_bench.records.rle import Rle


@final
@dataclass(frozen=True, slots=True)
class TextPrompt:
    """RVOS and RMOT: a motion expression.

    Attributes:
        id: Expression id, unique within its video.
        text: The sentence as the data set has it.
    """

    id: str
    text: str


@final
@dataclass(frozen=True, slots=True)
class SpeechPrompt:
    """AVOS: a spoken motion expression. It does not hold the sentence, so a method cannot read it.

    Attributes:
        id: Expression id, unique within its video.
        audio: A sound file (wav, any rate, mono or stereo).
    """

    id: str
    audio: Path


@final
@dataclass(frozen=True, slots=True)
class TargetMasks:
    """RMEG: the objects to describe in a sentence.

    Attributes:
        id: Id of the target set, unique within its video.
        objects: For every target object one mask per frame, ``None`` where the object is absent.
    """

    id: str
    objects: tuple[tuple[Rle | None, ...], ...]


Prompt = TextPrompt | SpeechPrompt | TargetMasks
