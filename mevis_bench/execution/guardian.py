"""Guardian: a process that kills what this one has started, when this one is gone, even by ``kill -9``."""

import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

MARKER = "MEVIS_BENCH_MARKER"
"""Environment variable of everything that is guarded: one token per guardian, the outermost first."""

_TIMEOUT = 15.0
"""Seconds until a guardian has killed everything; it gives up itself after ten."""

# The first line of the input, if any, is a process group; then it waits for the end of the input. Processes that have
# left the group still have the token in their environment, which Linux shows in /proc. It shows there what a program
# was started with, so forks of this process, which start none, write their id and start time into a file.
_SCRIPT = """\
test -n "$1" || exit
read -r group
read -r end_of_file
test -n "$group" && kill -s KILL -- "-$group"
test -f "$2" && while read -r id started; do
  test "$(sed 's/.*) //' "/proc/$id/stat" | cut -d ' ' -f 20)" = "$started" && kill -s KILL "$id"
done < "$2"
rm -f "$2"
count=0
while test $count -lt 100; do
  marked=$(grep -lF "$1" /proc/[0-9]*/environ | cut -d / -f 3)
  test -n "$marked" || break
  kill -s KILL $marked
  count=$((count + 1))
  sleep 0.1
done
"""


class Guardian:
    """Kills marked processes, and optionally a process group, on ``kill`` or when this process has ended.

    Marked is what was started with ``environment`` and everything it starts. Out of reach are processes that leave the
    group where there is no ``/proc``, or that also clear their environment. Forks of this process are marked while it
    is ``marking``.

    Attributes:
        environment: The environment variable that marks a process.
    """

    def __init__(self) -> None:
        token = secrets.token_hex(16)
        outer = os.environ.get(MARKER)
        self.environment: Mapping[str, str] = {MARKER: f"{outer}:{token}" if outer else token}
        self._forks = Path(tempfile.gettempdir(), f"mevis-bench-{token}")
        self._marking = False
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "guardian", token, str(self._forks)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _guardians.append(self)

    def watch_group(self, group: int) -> None:
        """Include a process group."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{group}\n".encode())
        self._process.stdin.flush()

    def kill(self) -> None:
        """Kill everything marked, and the group; no-op where nothing is left."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_TIMEOUT)
        self.release()

    def release(self) -> None:
        """End the guardian; nothing is killed."""
        self._process.kill()
        self._process.communicate()
        self._forks.unlink(missing_ok=True)
        with suppress(ValueError):
            _guardians.remove(self)

    @contextmanager
    def marking(self) -> Iterator[None]:
        """Mark every process that is started meanwhile."""
        before = os.environ.get(MARKER)
        os.environ.update(self.environment)
        self._marking = True
        try:
            yield
        finally:
            self._marking = False
            if before is None:
                del os.environ[MARKER]
            else:
                os.environ[MARKER] = before

    def enter_fork(self) -> None:
        """In a fork of this process: close the pipe whose end the guardian waits for, and have the fork killed with it.

        Its own forks do the same, whatever has become of it by then.
        """
        with suppress(OSError, ValueError):
            assert self._process.stdin is not None
            os.close(self._process.stdin.fileno())
        if self._marking:
            with suppress(OSError), self._forks.open("a") as file:
                file.write(f"{os.getpid()} {_start_time()}\n")


_guardians: list[Guardian] = []
"""Those of this process that are not released."""


def _enter_fork() -> None:
    for guardian in _guardians:
        guardian.enter_fork()


def _start_time() -> str:
    """Return when this process was started, as the kernel counts: it tells apart processes that had the same id."""
    return Path("/proc/self/stat").read_text().rpartition(") ")[2].split()[19]


os.register_at_fork(after_in_child=_enter_fork)
