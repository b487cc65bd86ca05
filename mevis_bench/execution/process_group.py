"""A child process whose words are drained and whose last ones are kept; it ends with everything it started."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_KEPT_BYTES = 4096
_KEPT_LINES = 12


class ProcessGroup:
    """A process in a group of its own. What it and its children print goes nowhere but into ``output_tail``."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        """Start it, without a shell and without standard input.

        Raises:
            OSError: The program can't be started.
        """
        self._process = subprocess.Popen(
            list(arguments),
            cwd=cwd,
            env=None if environment is None else {**os.environ, **environment},
            pass_fds=tuple(pass_fds),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._words = b""
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    def wait(self, timeout: float) -> int | None:
        """Wait for its end: its exit code, minus the signal that killed it, or ``None`` after ``timeout`` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End it and everything it started; nothing happens where it has ended."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(timeout=2)

    def output_tail(self) -> str:
        """Return the last lines it printed, each indented; empty where it printed nothing."""
        self._reader.join(timeout=0.5)
        lines = self._words.decode(errors="replace").splitlines()[-_KEPT_LINES:]
        return "\n".join(f"  {line}" for line in lines if line.strip())

    def _drain(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        with pipe:
            while chunk := os.read(pipe.fileno(), 65536):
                self._words = (self._words + chunk)[-_KEPT_BYTES:]


def ending(code: int) -> str:
    """Say how a process ended: ``ended with exit code 3``, ``was killed by SIGSEGV``."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
