"""What a method is asked about a video: a sentence, a spoken sentence, or masks of the targets."""

from dataclasses import dataclass
from pathlib import Path

from mevis_bench.records.rle import Rle


@dataclass(frozen=True, slots=True)
class TextPrompt:
    """RVOS and RMOT: a motion expression.

    Attributes:
        id: Expression id, unique within its video.
        text: The sentence as the data set has it.
    """

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class SpeechPrompt:
    """AVOS: a spoken motion expression. The sentence itself is not here, so a method can't read it.

    Attributes:
        id: Expression id, unique within its video.
        audio: A sound file (wav, any rate, mono or stereo).
    """

    id: str
    audio: Path


@dataclass(frozen=True, slots=True)
class TargetMasks:
    """RMEG: the objects to put into words.

    Attributes:
        id: Id of the target set, unique within its video.
        objects: For every target object one mask per frame, ``None`` where the object is absent.
    """

    id: str
    objects: tuple[tuple[Rle | None, ...], ...]


Prompt = TextPrompt | SpeechPrompt | TargetMasks
