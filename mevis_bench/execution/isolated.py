"""A method in its own environment, behind the same ``predict`` as any other; its worker is started anew when it dies.

Masks come as packed bits, frames go as paths. The method itself is the one that ``worker_child`` loads.
"""

import base64
import random
import zlib
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from mevis_bench.execution.environment_process import RemoteError, WorkerCrashedError, WorkerProcess
from mevis_bench.execution.jobs import MethodUnavailableError, ResourceUsage
from mevis_bench.execution.timed_video import TimedVideo
from mevis_bench.methods.method_spec import EnvironmentSpec
from mevis_bench.records import (
    CaptionPrediction,
    DataError,
    MaskPrediction,
    MethodConfig,
    MethodError,
    MevisBenchError,
    Prediction,
    Prompt,
    SpeechPrompt,
    TargetMasks,
    TextPrompt,
    TrackPrediction,
    Video,
)

MAX_CONSECUTIVE_FAILURES = 3
"""So many deaths in a row, and the method is given up."""


class CrashCounter:
    """Counts how often in a row something died."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0
        self._last = ""

    def add(self, error: MethodError) -> None:
        """It died."""
        self._count += 1
        self._last = error.message

    def forget(self) -> None:
        """It has answered."""
        self._count = 0

    def check(self) -> None:
        """Raise ``MethodUnavailableError`` if it died too often to be tried again."""
        if self._count >= MAX_CONSECUTIVE_FAILURES:
            raise MethodUnavailableError(
                f"'{self._name}' died {self._count} times in a row and is given up: {self._last}",
                hint="Everything finished before is on disk; mend it and start the same command with --retry-failed.\n"
                f"See mevis-bench env doctor {self._name}",
            )


class IsolatedMethod:
    """A method whose worker runs in another environment (``records.Method``)."""

    def __init__(
        self, name: str, folder: Path, python: Path, environment: EnvironmentSpec, setup: MethodConfig
    ) -> None:
        """Start the worker and let it load the method.

        Raises:
            MethodError: The worker can't be started or dies.
            MevisBenchError: What ``load`` itself tells the user.
            RemoteError: ``load`` raised anything else.
        """
        self._name, self._folder, self._python = name, folder, python
        self._environment, self._setup = environment, setup
        self._deaths = CrashCounter(name)
        self._worker: WorkerProcess | None = self._start()

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[Prediction]:
        """See ``records.Method``.

        Raises:
            WorkerCrashedError: The worker died or hangs; the next call starts another one.
            MethodUnavailableError: It died three times in a row.
        """
        self._ask("predict", video=_video(video), prompts=[_prompt(each) for each in prompts])
        while True:
            # Who asks seeds this process before every answer; the worker is seeded from it.
            seed = random.getrandbits(32)
            try:
                told = self._ask("next", seed=seed)
            except (MevisBenchError, RemoteError) as error:
                _read_again(video, error)
                raise
            if told is None:
                return
            if isinstance(video, TimedVideo):
                video.decoding.seconds += told["decoding"]
            self._deaths.forget()
            yield _prediction(told["answer"])

    def reduce_memory(self) -> bool:
        """Let the method work in smaller chunks; ``False``: it can't."""
        return bool(self._ask("reduce_memory"))

    def costs(self, processor: str) -> ResourceUsage | None:
        """Measure the worker (``None``: it is dead); ``processor`` names the device where it is no CUDA device."""
        if self._worker is None:
            return None
        try:
            told = self._ask("costs")
        except (MevisBenchError, RemoteError):
            return None
        return ResourceUsage(**(told | {"device": told["device"] or processor}))

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _start(self) -> WorkerProcess:
        worker = WorkerProcess(self._name, self._python, self._environment.load_seconds)
        setup = {
            "task": self._setup.task,
            "variant": self._setup.variant,
            "options": dict(self._setup.options),
            "weights": None if self._setup.weights is None else _strings(self._setup.weights),
            "device": self._setup.device,
            "seed": self._setup.seed,
        }
        try:
            worker.ask("load", self._environment.load_seconds, folder=str(self._folder), setup=setup)
        except BaseException:
            worker.kill()
            raise
        return worker

    def _ask(self, do: str, **arguments: object) -> Any:
        self._deaths.check()
        try:
            if self._worker is None:
                self._worker = self._start()
            return self._worker.ask(do, self._environment.answer_seconds, **arguments)
        except WorkerCrashedError as error:
            self._worker = None
            self._deaths.add(error)
            raise
        except KeyboardInterrupt:
            # An answer may be under way that nobody will read.
            if self._worker is not None:
                self._worker.kill()
                self._worker = None
            raise


def _read_again(video: Video, error: Exception) -> None:
    """Let the video itself find the frame that the worker could not read, so that the fault is told as everywhere."""
    remote = error if isinstance(error, RemoteError) else error.__cause__
    if isinstance(remote, RemoteError) and remote.frame is not None:
        video.frame(remote.frame)


def _strings(paths: Mapping[str, Path]) -> dict[str, str]:
    return {name: str(path.resolve()) for name, path in paths.items()}


def _video(video: Video) -> dict[str, object]:
    return {
        "id": video.id,
        "names": video.frame_names,
        "paths": [str(path.resolve()) for path in video.frame_paths],
        "height": video.height,
        "width": video.width,
    }


def _prompt(prompt: Prompt) -> dict[str, object]:
    match prompt:
        case TextPrompt():
            return {"kind": "text", "id": prompt.id, "text": prompt.text}
        case SpeechPrompt():
            return {"kind": "speech", "id": prompt.id, "audio": str(prompt.audio.resolve())}
        case TargetMasks():
            return _targets(prompt)
        case _:
            assert_never(prompt)


def _targets(prompt: TargetMasks) -> dict[str, object]:
    sizes = {(rle.height, rle.width) for each in prompt.objects for rle in each if rle is not None}
    if len(sizes) > 1:
        raise DataError(f"masks have several sizes: {sorted(sizes)}", location=prompt.id)
    objects = [[None if rle is None else rle.counts.decode("ascii") for rle in each] for each in prompt.objects]
    return {"kind": "targets", "id": prompt.id, "size": next(iter(sizes), (0, 0)), "objects": objects}


def _prediction(told: Mapping[str, Any]) -> Prediction:
    if told["kind"] == "caption":
        return CaptionPrediction(told["text"], told["target_kept"])
    if told["kind"] == "tracks":
        return TrackPrediction(
            np.array(told["frames"], np.int64),
            np.array(told["ids"], np.int64),
            np.array(told["boxes"], np.float64).reshape(-1, 4),
        )
    if told["kind"] != "masks":
        raise MethodError(f"invalid prediction from the worker: unknown kind {told['kind']!r}")
    objects = None if told["objects"] is None else tuple(_masks(each) for each in told["objects"])
    return MaskPrediction(_masks(told["masks"]), objects, told["target_score"])


def _masks(told: Mapping[str, Any]) -> NDArray[np.bool_]:
    count = prod(told["shape"])
    due = (count + 7) // 8
    # Never more than is due, however much the packed bytes would grow to.
    packed = zlib.decompressobj().decompress(base64.b64decode(told["bits"]), due + 1)
    if len(packed) != due:
        raise MethodError(f"the worker sent {len(packed)} bytes for masks {tuple(told['shape'])}, not {due}")
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=count)
    return bits.astype(np.bool_).reshape(told["shape"])
