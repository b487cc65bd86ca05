"""A method in its own environment, behind the same ``predict`` as any other; its process is restarted when it fails."""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from mevis_bench.execution.environment_messages import decode_prediction, encode_config, encode_prompt, encode_video
from mevis_bench.execution.environment_process import EnvironmentProcess, EnvironmentProcessError, RemoteError
from mevis_bench.execution.jobs import ResourceUsage
from mevis_bench.execution.threads import thread_environment
from mevis_bench.execution.timed_video import TimedVideo
from mevis_bench.methods.prompt_sequence import PromptSequence
from mevis_bench.records import MethodConfig, MethodError, MevisBenchError, Prediction, Prompt, Video
from mevis_bench.records.retry import RetryPolicy
from mevis_bench.schemas.method_file import EnvironmentSpec

Reply = TypeVar("Reply")
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class IsolatedMethod:
    """A method whose code runs in an environment process (``records.Method``)."""

    def __init__(
        self,
        name: str,
        folder: Path,
        python: Path,
        environment: EnvironmentSpec,
        config: MethodConfig[Mapping[str, object]],
    ) -> None:
        """Start the environment process and load the method there.

        Raises:
            MethodError: The process cannot be started, exits or times out.
            MevisBenchError: Raised by ``load``.
            RemoteError: ``load`` raised anything else.
        """
        self._name, self._folder, self._python = name, folder, python
        self._environment, self._config = environment, config
        self._retry = RetryPolicy()
        self._process: EnvironmentProcess | None = self._start()

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[Prediction]:
        """See ``records.Method``.

        Raises:
            EnvironmentProcessError: The process exited or timed out; the next call restarts it.
            MethodUnavailableError: It failed three times in a row.
            MethodError: A prediction is malformed or too large.
        """
        sequence = PromptSequence.of(prompts)
        messages = [encode_prompt(prompt) for prompt in sequence.unmarked()]
        self._request(sequence, 0, "predict", bool, video=encode_video(video), prompts=messages)
        for position in itertools.count():
            # The caller seeds this process before every prediction; the environment process is seeded from it.
            seed = random.getrandbits(32)
            try:
                reply = self._request(sequence, position, "next", msgspec.Raw, seed=seed)
            except (MevisBenchError, RemoteError) as error:
                _reraise_locally(video, error)
                raise
            decoded = decode_prediction(bytes(reply), video)
            if decoded is None:
                return
            prediction, decoding_seconds = decoded
            if isinstance(video, TimedVideo):
                video.decoding.seconds += decoding_seconds
            self._retry.record_success()
            yield prediction

    def reduce_memory(self) -> bool:
        """Have the method work in smaller chunks; ``False``: it cannot."""
        return self._request(None, 0, "reduce_memory", bool)

    def resource_usage(self, processor: str) -> ResourceUsage | None:
        """Measure the environment process.

        Args:
            processor: Name of the device where no CUDA device is used.

        Returns:
            Its usage; ``None``: there is no process.
        """
        if self._process is None:
            return None
        try:
            usage = self._request(None, 0, "resource_usage", _Usage)
        except (MevisBenchError, RemoteError):
            return None
        device = usage.device or processor
        return ResourceUsage(device, usage.parameters, usage.trainable, usage.peak_host_bytes, usage.peak_device_bytes)

    def close(self) -> None:
        """End the environment process."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _start(self) -> EnvironmentProcess:
        seconds = self._environment.load_seconds
        process = EnvironmentProcess(self._name, self._python, seconds, thread_environment(self._config.device))
        try:
            process.request(
                "load",
                bool,
                seconds,
                timeout_key="environment.load_seconds",
                folder=str(self._folder),
                config=encode_config(self._config),
            )
        except BaseException:
            process.kill()
            raise
        return process

    def _request(
        self, sequence: PromptSequence | None, position: int, do: str, kind: type[Reply], /, **arguments: object
    ) -> Reply:
        self._retry.check(f"the environment process of '{self._name}'", f"See mevis-bench env doctor {self._name}")
        try:
            if self._process is None:
                self._process = self._start()
            return self._process.request(
                do,
                kind,
                self._environment.answer_seconds,
                timeout_key="environment.answer_seconds",
                readable=0 if sequence is None else len(sequence),
                on_read=None if sequence is None else sequence.mark_read,
                **arguments,
            )
        except EnvironmentProcessError as error:
            self._process = None
            # The caller repeats an ambiguous call prompt by prompt; only what fails then is a failure.
            if sequence is None or not sequence.is_ambiguous(position):
                self._retry.record_failure(error)
            raise
        except (MevisBenchError, RemoteError):
            raise
        except BaseException:  # Ctrl-C, for instance: a reply may be under way that is never read
            if self._process is not None:
                self._process.kill()
                self._process = None
            raise


class _Usage(msgspec.Struct):
    """Reply of ``environment_child._Server.resource_usage``."""

    device: Annotated[str, msgspec.Meta(max_length=1000)] | None
    parameters: _Count | None
    trainable: _Count | None
    peak_host_bytes: _Count
    peak_device_bytes: _Count | None


def _reraise_locally(video: Video, error: Exception) -> None:
    """Read the frame that the environment process could not read, so that its error is the same as everywhere."""
    remote = error if isinstance(error, RemoteError) else error.__cause__
    if isinstance(remote, RemoteError) and remote.unreadable_frame is not None:
        if not 0 <= remote.unreadable_frame < len(video):
            raise MethodError(f"the environment process names frame {remote.unreadable_frame} of {len(video)}")
        video.frame(remote.unreadable_frame)
