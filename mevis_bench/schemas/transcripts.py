"""Transcripts of spoken expressions: ``transcripts.json`` of a run, and the cache of single ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mevis_bench.schemas.json_files import Upgrade


def _upgrade_0(report: dict[str, Any]) -> dict[str, Any]:
    """Rename ``said`` and ``heard`` of every sample."""
    names = {"said": "sentence", "heard": "transcript"}
    if not isinstance(samples := report.get("samples"), dict):
        return report
    return {
        **report,
        "samples": {
            sample: {names.get(name, name): text for name, text in texts.items()} if isinstance(texts, dict) else texts
            for sample, texts in samples.items()
        },
    }


@dataclass(frozen=True, slots=True)
class SampleTranscript:
    """One spoken expression.

    Attributes:
        sentence: Sentence of the data set.
        transcript: The recognizer's text, which the method was prompted with.
    """

    sentence: str
    transcript: str


@dataclass(frozen=True, slots=True)
class TranscriptReport:
    """Transcripts of all spoken expressions of a run.

    Attributes:
        recognizer: Name of the recognizer's file or folder.
        word_error_rate: Over all samples, 0 is perfect; null: no sentence has a word.
        samples: By sample, ``<video>/<expression>``.
        schema: Number of this format.
    """

    recognizer: str
    word_error_rate: float | None
    samples: Mapping[str, SampleTranscript]
    schema: Literal[1] = 1

    upgrades: ClassVar[Mapping[int, Upgrade]] = {0: _upgrade_0}


@dataclass(frozen=True, slots=True)
class CachedTranscript:
    """Transcript of one sound file, so that it is transcribed once; another file's content is ignored and replaced.

    Attributes:
        text: What the recognizer heard.
    """

    text: str
