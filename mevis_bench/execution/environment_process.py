"""Parent side of a worker in another environment: a process, a private socket, requests and replies."""

import json
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mevis_bench.execution import environment_child as worker_child
from mevis_bench.execution.process_group import ProcessGroup, ending
from mevis_bench.records import DataError, MethodError, MevisBenchError, MissingWeightsError, UsageError

_FAULTS = {kind.__name__: kind for kind in (DataError, MethodError, MissingWeightsError, UsageError)}

_GRACE = 10.0
"""Seconds that a worker gets to close, or to end after it has closed its socket."""


class WorkerCrashedError(MethodError):
    """The worker ended, hung, or spoke gibberish; it is gone. The text carries the last lines it printed."""


class RemoteError(Exception):
    """An exception that the method raised in its own process. Its class is named like the one raised there.

    Attributes:
        frame: Index of the frame that could not be read before; ``None``: all could.
    """

    frame: int | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return _named_error, (type(self).__name__, str(self), self.frame)


class _RemoteTracebackError(Exception):
    """Carries the traceback of the other process as text, so that a traceback here shows it."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a worker says of itself.

    Attributes:
        python: Its Python's version.
        packages: Versions of the packages of its environment, by normalized name.
    """

    python: str
    packages: Mapping[str, str]


class WorkerProcess:
    """A worker of one method. It is asked one thing at a time."""

    def __init__(self, name: str, python: Path, timeout: float) -> None:
        """Start a worker and hear its greeting.

        Args:
            name: The method, for messages.
            python: Interpreter of the method's environment.
            timeout: Seconds until the greeting.

        Raises:
            MethodError: It can't be started, dies, or speaks another version of the protocol.
        """
        self.name = name
        self._buffer = bytearray()
        self._channel, child = socket.socketpair()
        script = str(Path(worker_child.__file__).resolve())
        with child:
            # -I: neither this script's folder nor PYTHONPATH nor the user's packages are importable there.
            arguments = [str(python), "-I", "-u", script, str(child.fileno())]
            try:
                self._process = ProcessGroup(arguments, pass_fds=[child.fileno()])
            except OSError as error:
                self._channel.close()
                raise MethodError(f"the Python of '{name}' can't be started: {error}", location=str(python)) from error
        told = self._reply(timeout, time.monotonic() + timeout)["ok"]
        if told["protocol"] != worker_child.PROTOCOL:
            self.kill()
            raise MethodError(f"the worker of '{name}' speaks protocol {told['protocol']}", location=str(python))
        self.handshake = Handshake(told["python"], told["packages"])

    def ask(self, do: str, timeout: float, **arguments: object) -> Any:
        """Let the worker do one thing.

        Raises:
            WorkerCrashedError: It died or gave no answer within ``timeout`` seconds; it is gone.
            MevisBenchError: The method raised one.
            RemoteError: The method raised anything else.
        """
        deadline = time.monotonic() + timeout
        self._channel.settimeout(timeout)
        try:
            self._channel.sendall(json.dumps({"do": do, **arguments}).encode() + b"\n")
        except TimeoutError:
            raise self._hangs(timeout) from None
        except OSError:
            raise self._died() from None
        reply = self._reply(timeout, deadline)
        if "error" in reply:
            raise _raised(reply["error"])
        return reply["ok"]

    def close(self) -> None:
        """Let the method give back what it holds, and end the worker."""
        # What a method says while it is closed changes no result.
        with suppress(MevisBenchError, RemoteError):
            self.ask("close", _GRACE)
        self._channel.close()
        self._process.wait(_GRACE)
        self._process.kill()

    def kill(self) -> None:
        """End the worker at once."""
        self._channel.close()
        self._process.kill()

    def _reply(self, timeout: float, deadline: float) -> Any:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            self._channel.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                chunk = self._channel.recv(1 << 20)
            except TimeoutError:
                raise self._hangs(timeout) from None
            except OSError:
                chunk = b""
            if not chunk:
                raise self._died()
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        try:
            return json.loads(line)
        except ValueError:
            self.kill()
            raise WorkerCrashedError(
                f"the worker of '{self.name}' sent a line that is no JSON: {line[:80]!r}"
            ) from None

    def _hangs(self, timeout: float) -> WorkerCrashedError:
        self.kill()
        return self._told(f"gave no answer within {timeout:g} s and was stopped")

    def _died(self) -> WorkerCrashedError:
        code = self._process.wait(_GRACE)
        self.kill()
        return self._told("closed its channel and was stopped" if code is None else ending(code))

    def _told(self, what: str) -> WorkerCrashedError:
        words = self._process.output_tail()
        said = f"; its last lines:\n{words}" if words else "; it printed nothing"
        return WorkerCrashedError(f"the worker of '{self.name}' {what}{said}")


def _raised(told: Mapping[str, Any]) -> Exception:
    if told["fault"] is not None and told["type"] in _FAULTS:
        what, location, hint = told["fault"]
        fault: Exception = _FAULTS[told["type"]](what, location=location, hint=hint)
        fault.__cause__ = _remote_error(told)
        return fault
    return _remote_error(told)


def _remote_error(told: Mapping[str, Any]) -> RemoteError:
    error = _named_error(told["type"], told["text"], told["frame"])
    error.__cause__ = _RemoteTracebackError("in the worker:\n" + told["traceback"])
    return error


def _named_error(name: str, text: str, frame: int | None) -> RemoteError:
    """Make an error whose class has a name, so that it reads alike and out-of-memory is known by it."""
    error: RemoteError = type(name, (RemoteError,), {})(text)
    error.frame = frame
    return error
