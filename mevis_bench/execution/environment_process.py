"""Parent side of an environment process: a child process, a private socket, requests and replies."""

import json
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from mevis_bench.execution import environment_child
from mevis_bench.execution.process_group import ProcessGroup, describe_exit_code
from mevis_bench.records import DataError, MethodError, MevisBenchError, MissingWeightsError, UsageError

_USER_ERRORS = {kind.__name__: kind for kind in (DataError, MethodError, MissingWeightsError, UsageError)}

_SHUTDOWN_TIMEOUT = 10.0
"""Seconds to close the method, and to exit after the socket was closed."""

MAX_REPLY_BYTES = 1 << 27
"""Bound of one reply (128 MiB): masks of a long video, packed, take a few MB."""

Reply = TypeVar("Reply")
_ErrorText = Annotated[str, Meta(max_length=100_000)]
_Version = Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+)+[a-z0-9+]*$", max_length=40)]


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


class Handshake(msgspec.Struct, frozen=True):
    """First message of an environment process.

    Attributes:
        protocol: Version of its messages.
        python: Version of its Python.
        packages: Versions of the packages of its environment, by normalized name.
    """

    protocol: int
    python: _Version
    packages: Mapping[str, str]


class _ErrorMessage(msgspec.Struct):
    type: _ErrorText
    text: _ErrorText
    traceback: _ErrorText
    unreadable_frame: int | None
    user_error: tuple[_ErrorText, _ErrorText | None, _ErrorText | None] | None


class _Message(msgspec.Struct):
    """One line from the process; exactly one field is set. The reply itself is decoded to the type that is expected."""

    ok: msgspec.Raw = msgspec.Raw()
    error: _ErrorMessage | None = None
    read: Annotated[int, Meta(ge=0)] | None = None


class EnvironmentProcess:
    """The process of one method in its own environment. It serves one request at a time."""

    def __init__(self, name: str, python: Path, timeout: float, environment: Mapping[str, str] | None = None) -> None:
        """Start the process and wait for its handshake.

        Args:
            name: Name of the method, for messages.
            python: Interpreter of the method's environment.
            timeout: Seconds until the handshake.
            environment: Additional environment variables.

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
                self._process = ProcessGroup(arguments, environment=environment, pass_fds=[child.fileno()])
            except OSError as error:
                self._channel.close()
                raise MethodError(f"cannot start the Python of '{name}': {error}", location=str(python)) from error
        self.handshake = self._read_handshake(timeout, python)

    def request(
        self,
        do: str,
        kind: type[Reply],
        timeout: float,
        /,
        *,
        timeout_key: str | None = None,
        readable: int = 0,
        on_read: Callable[[int], None] | None = None,
        **arguments: object,
    ) -> Reply:
        """Send one request and return the reply.

        Args:
            do: Method of ``environment_child._Server``.
            kind: Type of the reply; ``msgspec.Raw``: the caller decodes it.
            timeout: Seconds until the reply.
            timeout_key: Key of ``method.yaml`` that sets the time-out, for the message.
            readable: Number of prompts that the method may read meanwhile.
            on_read: Called with the index of every prompt that it reads.
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
            message = self._receive(deadline)
            if message.error is not None:
                raise _decode_error(message.error)
            if message.read is None:
                return self._decode(bytes(message.ok), kind)
            if message.read >= readable:
                raise self._protocol_error(f"read prompt {message.read} of {readable}")
            if on_read is not None:
                on_read(message.read)

    def close(self) -> None:
        """Release the method's resources and end the process."""
        # An exception while a method is closed changes no result.
        with suppress(MevisBenchError, RemoteError):
            self.request("close", bool, _SHUTDOWN_TIMEOUT)
        self._channel.close()
        self._process.wait(_SHUTDOWN_TIMEOUT)
        self._process.kill()

    def kill(self) -> None:
        """Kill the process and everything it started."""
        self._channel.close()
        self._process.kill()

    def _read_handshake(self, timeout: float, python: Path) -> Handshake:
        handshake = self._decode(bytes(self._receive(_Deadline(timeout, None)).ok), Handshake)
        if handshake.protocol == environment_child.PROTOCOL:
            return handshake
        self.kill()
        raise MethodError(
            f"the environment process of '{self.name}' has protocol {handshake.protocol}, "
            f"expected {environment_child.PROTOCOL}",
            location=str(python),
        )

    def _receive(self, deadline: "_Deadline") -> _Message:
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
        # Not only when nothing comes: a method that reads prompts forever sends lines forever.
        if deadline.expired:
            raise self._timeout_error(deadline)
        line = bytes(memoryview(self._buffer)[:end])
        del self._buffer[: end + 1]
        message = self._decode(line, _Message)
        if sum((bool(bytes(message.ok)), message.error is not None, message.read is not None)) != 1:
            raise self._protocol_error("sent a reply without exactly one of the keys ok, error and read")
        return message

    def _decode(self, content: bytes, kind: type[Reply]) -> Reply:
        """Decode JSON to the expected type only, so that nothing else is built in memory, however large it is."""
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._protocol_error(f"sent an invalid reply ({error}): {content[:80]!r}") from None

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


class _Deadline:
    """Moment at which a request times out; its text names the limit and the key that sets it."""

    def __init__(self, seconds: float, key: str | None) -> None:
        self._end = time.monotonic() + seconds
        self._text = f"{seconds:g} s" + (f" ({key} in method.yaml)" if key else "")

    @property
    def expired(self) -> bool:
        return time.monotonic() >= self._end

    def remaining(self) -> float:
        return max(self._end - time.monotonic(), 0.001)

    def __str__(self) -> str:
        return self._text


def _decode_error(message: _ErrorMessage) -> Exception:
    remote = _named_error(message.type, message.text, message.unreadable_frame)
    remote.__cause__ = _RemoteTracebackError("in the environment process:\n" + message.traceback)
    if message.user_error is None or message.type not in _USER_ERRORS:
        return remote
    text, location, hint = message.user_error
    error = _USER_ERRORS[message.type](text, location=location, hint=hint)
    error.__cause__ = remote
    return error


def _named_error(name: str, text: str, frame: int | None) -> RemoteError:
    """Make an error whose class has a name, so that it reads alike and out-of-memory is recognized by it."""
    error: RemoteError = type(name if name.isidentifier() else "RemoteError", (RemoteError,), {})(text)
    error.unreadable_frame = frame
    return error
