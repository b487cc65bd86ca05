"""Bridges of the paper: how a method of one task answers another.

- ``speech_to_text`` (AVOS, Table 11 "Audio->Text"): the sentence is heard by Whisper, then any text method is asked.
- ``oracle_text`` (AVOS, "GT text"): the method is given the written sentence. Only where it is asked for by name.
- ``masks_to_tracks`` (RMOT, Table 10): one track per object of a mask method, or one for all where it knows no objects.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mevis_bench.methods.method_spec import VariantSpec
from mevis_bench.records import (
    MaskPrediction,
    Method,
    MethodError,
    Prediction,
    Prompt,
    SpeechPrompt,
    TextPrompt,
    UsageError,
    Video,
)
from mevis_bench.records.suggestion import did_you_mean

BridgeName = Literal["speech_to_text", "oracle_text", "masks_to_tracks"]

BRIDGES: Mapping[BridgeName, str] = {
    "speech_to_text": "avos",
    "oracle_text": "avos",
    "masks_to_tracks": "rmot",
}
"""The task that each bridge leads to. All start from RVOS."""

INNER_TASK = "rvos"

DEFAULT_BRIDGES: Mapping[str, BridgeName] = {"avos": "speech_to_text", "rmot": "masks_to_tracks"}
"""Which bridge is taken where a method does not answer the task itself and none is asked for."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge that a run takes.

    Attributes:
        name: Which.
        asr_model: Weights of the speech recognizer; ``None`` where the bridge needs none.
        transcripts: Folder where transcripts are kept; ``None`` where the bridge needs none.
    """

    name: BridgeName
    asr_model: Path | None = None
    transcripts: Path | None = None


def derived_tasks(spec: VariantSpec) -> tuple[str, ...]:
    """Return the tasks that a variant does not answer itself but through a bridge that needs no asking for."""
    if INNER_TASK not in spec.tasks or not {"masks", "objects"} & set(spec.outputs):
        return ()
    return tuple(task for task in DEFAULT_BRIDGES if task not in spec.tasks)


def choose_bridge(spec: VariantSpec, method: str, task: str, asked: str | None) -> BridgeName | None:
    """Return the bridge of a run; ``None``: the method answers the task itself.

    Raises:
        UsageError: There is no such bridge, it leads elsewhere, or the variant does not answer the task in any way.
    """
    if asked is None:
        if task in spec.tasks:
            return None
        if task in derived_tasks(spec):
            return DEFAULT_BRIDGES[task]
        able = ", ".join(spec.tasks)
        raise UsageError(
            f"{method} does not answer {task}, only {able}", hint=f"See mevis-bench list methods --task {task}"
        )
    for name, target in BRIDGES.items():
        if name == asked:
            if target != task:
                raise UsageError(f"the bridge {asked} leads to {target}, not to {task}", location="--bridge")
            if INNER_TASK not in spec.tasks:
                raise UsageError(f"the bridge {asked} starts from rvos, which {method} does not answer")
            return name
    raise UsageError(f"there is no bridge '{asked}'", location="--bridge", hint=did_you_mean(asked, list(BRIDGES)))


def cross(method: Method, bridge: Bridge, device: str) -> Method:
    """Put a bridge around a method that was loaded for RVOS.

    Raises:
        MethodError: The speech recognizer's package is not installed.
        DataError: Its weights can't be read.
    """
    if bridge.name == "masks_to_tracks":
        return MasksToTracks(method)
    if bridge.name == "oracle_text":
        return method
    from mevis_bench.methods.speech_recognition import Transcripts

    assert bridge.asr_model is not None
    assert bridge.transcripts is not None
    return SpeechToText(method, Transcripts(bridge.asr_model, bridge.transcripts, device))


class SpeechToText:
    """AVOS from a method that reads: every spoken sentence is written down first."""

    def __init__(self, inner: Method, transcribe: Callable[[Path], str]) -> None:
        self.inner = inner
        self._transcribe = transcribe

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[Prediction]:
        """Yield the inner method's answers to what was heard."""
        heard = []
        for prompt in prompts:
            assert isinstance(prompt, SpeechPrompt)
            heard.append(TextPrompt(prompt.id, self._transcribe(prompt.audio)))
        return self.inner.predict(video, heard)

    def close(self) -> None:
        """Close the inner method."""
        self.inner.close()


class MasksToTracks:
    """RMOT from a method that segments: the boxes of its objects."""

    def __init__(self, inner: Method) -> None:
        self.inner = inner

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[Prediction]:
        """Yield one track per object of the inner method's answer, in its order; one in all where it knows none."""
        # Loaded late: `list` names the bridges and starts without numpy.
        from mevis_bench.masks.tracks import to_tracks

        for answer in self.inner.predict(video, prompts):
            if not isinstance(answer, MaskPrediction):
                raise MethodError(f"masks_to_tracks needs masks, the method gave a {type(answer).__name__}")
            objects = (answer.masks,) if answer.objects is None else answer.objects
            yield to_tracks(objects)

    def close(self) -> None:
        """Close the inner method."""
        self.inner.close()
