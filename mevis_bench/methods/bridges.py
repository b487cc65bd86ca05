"""Bridges of the paper: a method of one task, evaluated on another.

- ``speech_to_text`` (AVOS, Table 11 "Audio->Text"): Whisper transcribes the speech for a method that reads text.
- ``oracle_text`` (AVOS, "GT text"): the method reads the written sentence. Only where it is selected by name.
- ``masks_to_tracks`` (RMOT, Table 10): one track per object of a mask method, or one in all where it has no objects.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mevis_bench.methods.prompt_sequence import PromptSequence
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
from mevis_bench.schemas.method_file import VariantSpec

BridgeName = Literal["speech_to_text", "oracle_text", "masks_to_tracks"]

BRIDGES: Mapping[BridgeName, str] = {
    "speech_to_text": "avos",
    "oracle_text": "avos",
    "masks_to_tracks": "rmot",
}
"""Target task of every bridge. All start from RVOS."""

INNER_TASK = "rvos"

DEFAULT_BRIDGES: Mapping[str, BridgeName] = {"avos": "speech_to_text", "rmot": "masks_to_tracks"}
"""Bridge to a task that the method does not support itself, where ``--bridge`` is not given."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """The bridge of a run.

    Attributes:
        name: Name of the bridge.
        asr_model: Weights of the speech recognizer; ``None`` where the bridge needs none.
        transcripts: Cache folder of transcripts; ``None`` where the bridge needs none.
    """

    name: BridgeName
    asr_model: Path | None = None
    transcripts: Path | None = None


def derived_tasks(spec: VariantSpec) -> tuple[str, ...]:
    """Return the tasks that a variant supports by a default bridge only."""
    if INNER_TASK not in spec.tasks or not {"masks", "objects"} & set(spec.outputs):
        return ()
    return tuple(task for task in DEFAULT_BRIDGES if task not in spec.tasks)


def choose_bridge(spec: VariantSpec, method: str, task: str, requested: str | None) -> BridgeName | None:
    """Return the bridge of a run; ``None``: the method supports the task itself.

    Args:
        spec: The variant.
        method: Name of method and variant, for messages.
        task: Task of the run.
        requested: Value of ``--bridge``; ``None``: not given.

    Raises:
        UsageError: Unknown bridge, one to or from another task, or a variant that does not support the task in any way.
    """
    if requested is None:
        if task in spec.tasks:
            return None
        if task in derived_tasks(spec):
            return DEFAULT_BRIDGES[task]
        supported = ", ".join(spec.tasks)
        raise UsageError(
            f"{method} does not support {task}, only {supported}", hint=f"See mevis-bench list methods --task {task}"
        )
    for name, target in BRIDGES.items():
        if name == requested:
            if target != task:
                raise UsageError(f"the bridge {requested} leads to {target}, not to {task}", location="--bridge")
            if INNER_TASK not in spec.tasks:
                raise UsageError(f"the bridge {requested} starts from rvos, which {method} does not support")
            return name
    raise UsageError(f"unknown bridge '{requested}'", location="--bridge", hint=did_you_mean(requested, list(BRIDGES)))


def apply_bridge(method: Method, bridge: Bridge, device: str) -> Method:
    """Wrap a method that was loaded for RVOS.

    Raises:
        MethodError: The package of the speech recognizer is not installed.
        DataError: Its weights cannot be read.
    """
    if bridge.name == "masks_to_tracks":
        return MasksToTracks(method)
    if bridge.name == "oracle_text":
        return method
    from mevis_bench.methods.speech_recognition import Transcripts

    assert bridge.asr_model is not None
    assert bridge.transcripts is not None
    return SpeechToText(method, Transcripts(bridge.asr_model, bridge.transcripts, device))


def unwrap(method: Method) -> Method:
    """Return the method inside all wrappers (bridges, perturbation)."""
    while hasattr(method, "inner"):
        method = method.inner
    return method


class SpeechToText:
    """AVOS from a method that reads text: every spoken sentence is transcribed first."""

    def __init__(self, inner: Method, transcribe: Callable[[Path], str]) -> None:
        self.inner = inner
        self._transcribe = transcribe

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[Prediction]:
        """Return the inner method's predictions for the transcripts."""
        return self.inner.predict(video, PromptSequence.of(prompts).map(self._transcribed))

    def close(self) -> None:
        """Close the inner method."""
        self.inner.close()

    def _transcribed(self, prompt: Prompt) -> TextPrompt:
        assert isinstance(prompt, SpeechPrompt)
        return TextPrompt(prompt.id, self._transcribe(prompt.audio))


class MasksToTracks:
    """RMOT from a method that segments: the boxes of its objects."""

    def __init__(self, inner: Method) -> None:
        self.inner = inner

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[Prediction]:
        """Yield one track per object of the inner method's prediction, in its order; one in all where it has none.

        Raises:
            MethodError: A prediction has no masks, or they do not fit the video.
        """
        # Imported here: `list` prints the bridges and starts without numpy.
        from mevis_bench.masks.tracks import to_tracks
        from mevis_bench.methods.prediction_checks import validate_prediction

        for prediction in self.inner.predict(video, prompts):
            validate_prediction(prediction, INNER_TASK, video)
            if not isinstance(prediction, MaskPrediction):
                raise MethodError(f"masks_to_tracks: expected masks, got {type(prediction).__name__}")
            objects = (prediction.masks,) if prediction.objects is None else prediction.objects
            yield to_tracks(objects)

    def close(self) -> None:
        """Close the inner method."""
        self.inner.close()
