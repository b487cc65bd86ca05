"""Progress with an estimate of what is left: a bar on a terminal, a line now and then elsewhere. On stderr."""

import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mevis_bench.cli.console import err

PLAIN_SECONDS = 10.0
"""Where nobody watches, a line at most this often."""


class Bar:
    """Counts to a total that may be told late.

    The estimate uses only what was done since ``begin``, so a continued run is not too hopeful, and leaves out what
    came before the first one was worked on (loading a model), so a short run does not look long.
    """

    def __init__(self, unit: str) -> None:
        self._console: Console = err()
        self._unit = unit
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn(f"[dim]{unit}[/dim]"),
            TimeElapsedColumn(),
            TextColumn("[cyan]{task.fields[left]}"),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            expand=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task("", total=None, left="", note="")
        self._start = self._told = time.monotonic()
        self._total = self._first = self._done = 0
        self._description = ""

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._progress.stop()

    def begin(self, description: str, total: int, done: int = 0) -> None:
        """Start counting; ``done`` of ``total`` were done before."""
        self._start = self._told = time.monotonic()
        self._total, self._first, self._done = total, done, done
        self._description = description
        self._progress.update(self._task, description=description, total=total, completed=done)

    def advance_to(self, done: int, note: str = "") -> None:
        """Say how many are done, and anything worth a word."""
        self._done = done
        left = self._left()
        self._progress.update(self._task, completed=done, left=left, note=note)
        now = time.monotonic()
        if not self._console.is_terminal and (now - self._told > PLAIN_SECONDS or done == self._total):
            self._told = now
            words = (f"{self._description}: {done}/{self._total} {self._unit}", left, note)
            self._console.print("  ".join(word for word in words if word), markup=False)

    def count(self, description: str) -> Callable[[int, int], None]:
        """Return what counts (done, in all) under this description, beginning with the first call."""

        def count(done: int, total: int) -> None:
            if self._total != total:
                self.begin(description, total)
            self.advance_to(done)

        return count

    def advance(self, seconds: float, note: str = "") -> None:
        """One more is done, worked on for so many seconds."""
        if self._done == self._first:
            self._start = time.monotonic() - seconds
        self.advance_to(self._done + 1, note)

    def _left(self) -> str:
        """Estimate the time left from the pace since ``begin``."""
        now_done = self._done - self._first
        if now_done == 0 or self._done >= self._total:
            return ""
        seconds = (time.monotonic() - self._start) / now_done * (self._total - self._done)
        return f"{duration(seconds)} left"


def duration(seconds: float) -> str:
    """Return a time in words: ``12 s``, ``3:07 min``, ``2:05 h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"
