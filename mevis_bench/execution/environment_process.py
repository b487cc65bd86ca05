"""Parent side of an environment process: a child process, a private socket, requests and replies."""

import json
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mevis_bench.execution import environment_child
from mevis_bench.execution.process_group import ProcessGroup, describe_exit_code
from mevis_bench.records import DataError, MethodError, MevisBenchError, MissingWeightsError, UsageError

_USER_ERRORS = {kind.__name__: kind for kind in (DataError, MethodError, MissingWeightsError, UsageError)}

_SHUTDOWN_TIMEOUT = 10.0
"""Seconds to close the method, and to exit after the socket was closed."""

MAX_REPLY_BYTES = 1 << 28
"""Bound of one reply: masks of a long video, packed, take a few MB."""

_MAX_ERROR_TEXT = 20_000


class EnvironmentProcessError(MethodError):
    """The environment process exited, timed out or broke the protocol. It is gone; the text has its output tail."""


class RemoteError(Exception):
    """An exception that the method raised in the environment process; its class has the name of the one there.

    Attributes:
        unreadable_frame: Index of the frame that could not be read before; ``None``: all could.
    """

    unreadable_frame: int | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return _named_error, (type(self).__name__, str(self), self.unreadable_frame)


class _RemoteTracebackError(Exception):
    """The traceback of the other process as text, so that a traceback here shows it."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """First message of an environment process.

    Attributes:
        python: Version of its Python.
        packages: Versions of the packages of its environment, by normalized name.
    """

    python: str
    packages: Mapping[str, str]


class EnvironmentProcess:
    """The process of one method in its own environment. It serves one request at a time."""

    def __init__(self, name: str, python: Path, timeout: float) -> None:
        """Start the process and wait for its handshake.

        Args:
            name: Name of the method, for messages.
            python: Interpreter of the method's environment.
            timeout: Seconds until the handshake.

        Raises:
            MethodError: It cannot be started, exits, or has another version of the protocol.
        """
        self.name = name
        self._buffer = bytearray()
        self._channel, child = socket.socketpair()
        script = str(Path(environment_child.__file__).resolve())
        with child:
            # -I: neither this script's folder nor PYTHONPATH nor the user's packages are importable there.
            arguments = [str(python), "-I", "-u", script, str(child.fileno())]
            try:
                self._process = ProcessGroup(arguments, pass_fds=[child.fileno()])
            except OSError as error:
                self._channel.close()
                raise MethodError(f"cannot start the Python of '{name}': {error}", location=str(python)) from error
        self.handshake = self._read_handshake(timeout, python)

    def request(
        self,
        do: str,
        timeout: float,
        /,
        *,
        timeout_key: str | None = None,
        on_read: Callable[[int], None] | None = None,
        **arguments: object,
    ) -> Any:
        """Send one request and return the reply.

        Args:
            do: Method of ``environment_child._Server``.
            timeout: Seconds until the reply.
            timeout_key: Key of ``method.yaml`` that sets the time-out, for the message.
            on_read: Called with the index of every prompt that the method reads meanwhile.
            arguments: JSON values.

        Raises:
            EnvironmentProcessError: It exited, sent no reply within ``timeout`` seconds, or an invalid one; it is gone.
            MevisBenchError: The method raised one.
            RemoteError: The method raised anything else.
        """
        deadline = _Deadline(timeout, timeout_key)
        try:
            self._channel.settimeout(timeout)
            self._channel.sendall(json.dumps({"do": do, **arguments}).encode() + b"\n")
        except TimeoutError:
            raise self._timeout_error(deadline) from None
        except OSError:
            raise self._exit_error() from None
        while True:
            reply = self._receive(deadline)
            if "error" in reply:
                raise self._remote_exception(reply["error"])
            if "ok" in reply:
                return reply["ok"]
            if type(reply.get("read")) is not int:
                raise self._protocol_error("sent a reply with none of the keys ok, error and read")
            if on_read is not None:
                on_read(reply["read"])

    def close(self) -> None:
        """Release the method's resources and end the process."""
        # An exception while a method is closed changes no result.
        with suppress(MevisBenchError, RemoteError):
            self.request("close", _SHUTDOWN_TIMEOUT)
        self._channel.close()
        self._process.wait(_SHUTDOWN_TIMEOUT)
        self._process.kill()

    def kill(self) -> None:
        """Kill the process and everything it started."""
        self._channel.close()
        self._process.kill()

    def _read_handshake(self, timeout: float, python: Path) -> Handshake:
        message = self._receive(_Deadline(timeout, None)).get("ok")
        match message:
            case {"protocol": environment_child.PROTOCOL, "python": str(version), "packages": dict(packages)}:
                return Handshake(version, packages)
        self.kill()
        raise MethodError(
            f"the environment process of '{self.name}' sent the handshake {str(message)[:80]!r}, "
            f"expected protocol {environment_child.PROTOCOL}",
            location=str(python),
        )

    def _receive(self, deadline: "_Deadline") -> dict[str, Any]:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > MAX_REPLY_BYTES:
                raise self._protocol_error(f"sent a reply of more than {MAX_REPLY_BYTES} bytes")
            self._channel.settimeout(deadline.remaining())
            try:
                chunk = self._channel.recv(1 << 20)
            except TimeoutError:
                raise self._timeout_error(deadline) from None
            except OSError:
                chunk = b""
            if not chunk:
                raise self._exit_error()
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        try:
            reply = json.loads(line)
        except (ValueError, RecursionError):
            reply = None
        if not isinstance(reply, dict):
            raise self._protocol_error(f"sent a line that is not a JSON object: {line[:80]!r}")
        return reply

    def _timeout_error(self, deadline: "_Deadline") -> EnvironmentProcessError:
        self.kill()
        return self._error(f"timed out after {deadline}")

    def _exit_error(self) -> EnvironmentProcessError:
        code = self._process.wait(_SHUTDOWN_TIMEOUT)
        self.kill()
        return self._error("closed its socket and was stopped" if code is None else describe_exit_code(code))

    def _protocol_error(self, reason: str) -> EnvironmentProcessError:
        self.kill()
        return self._error(f"{reason} and was stopped")

    def _error(self, reason: str) -> EnvironmentProcessError:
        return EnvironmentProcessError(
            self._process.describe_failure(f"the environment process of '{self.name}' {reason}")
        )

    def _remote_exception(self, message: object) -> Exception:
        try:
            return _decode_error(message)
        except (TypeError, KeyError, ValueError):
            return self._protocol_error(f"sent an invalid error message: {str(message)[:80]!r}")


class _Deadline:
    """Moment at which a request times out; its text names the limit and the key that sets it."""

    def __init__(self, seconds: float, key: str | None) -> None:
        self._end = time.monotonic() + seconds
        self._text = f"{seconds:g} s" + (f" ({key} in method.yaml)" if key else "")

    def remaining(self) -> float:
        return max(self._end - time.monotonic(), 0.001)

    def __str__(self) -> str:
        return self._text


def _decode_error(message: Any) -> Exception:
    remote = _named_error(_text(message["type"]), _text(message["text"]), message["unreadable_frame"])
    remote.__cause__ = _RemoteTracebackError("in the environment process:\n" + _text(message["traceback"]))
    if message["user_error"] is None or message["type"] not in _USER_ERRORS:
        return remote
    text, location, hint = (None if part is None else _text(part) for part in message["user_error"])
    error = _USER_ERRORS[message["type"]](text or "", location=location, hint=hint)
    error.__cause__ = remote
    return error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return value[:_MAX_ERROR_TEXT]


def _named_error(name: str, text: str, frame: int | None) -> RemoteError:
    """Make an error whose class has a name, so that it reads alike and out-of-memory is recognized by it."""
    error: RemoteError = type(name, (RemoteError,), {})(text)
    error.unreadable_frame = frame if type(frame) is int else None
    return error
