"""Child process in a process group of its own, which ends with this process; the tail of its output is kept."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from mevis_bench.execution.guardian import Guardian

_TAIL_BYTES = 4096
_TAIL_LINES = 12


class ProcessGroup:
    """A process and everything it starts. Their output goes into ``output_tail`` only.

    A guardian kills them when this process ends without having done so, also by ``kill -9``, and also those that have
    left the group (see ``Guardian``).
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        """Start the process, without a shell and without standard input.

        Raises:
            OSError: The program cannot be started.
        """
        self._guardian = Guardian()
        try:
            self._process = subprocess.Popen(
                list(arguments),
                cwd=cwd,
                env={**os.environ, **(environment or {}), **self._guardian.environment},
                pass_fds=tuple(pass_fds),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError:
            self._guardian.release()
            raise
        self._guardian.watch_group(self._process.pid)
        self._tail = b""
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    def wait(self, timeout: float) -> int | None:
        """Return the exit code, or minus the signal that killed it; ``None``: it still runs after ``timeout`` s."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """Kill the process and everything it started; no-op where nothing is left."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._guardian.kill()
        self._process.wait()
        self._reader.join(timeout=2)

    def output_tail(self) -> str:
        """Return the last lines of its output, each indented; empty where there is none."""
        self._reader.join(timeout=0.5)
        lines = self._tail.decode(errors="replace").splitlines()[-_TAIL_LINES:]
        return "\n".join(f"  {line}" for line in lines if line.strip())

    def describe_failure(self, reason: str) -> str:
        """Return ``reason`` and the output tail, for an error message."""
        tail = self.output_tail()
        return f"{reason}; last lines of its output:\n{tail}" if tail else f"{reason}; it printed nothing"

    def _drain(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        with pipe:
            while chunk := os.read(pipe.fileno(), 65536):
                self._tail = (self._tail + chunk)[-_TAIL_BYTES:]


def describe_exit_code(code: int) -> str:
    """Return how a process ended: ``exited with code 3``, ``was killed by SIGSEGV``."""
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
