"""Progress on stderr with rate and remaining time: a bar on a terminal, occasional lines elsewhere."""

import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Column

from mevis_bench.cli.choices import ProgressMode
from mevis_bench.cli.console import err

PLAIN_SECONDS = 10.0
"""Minimum interval between lines outside a terminal."""


class Bar:
    """Progress bar whose total may be set late.

    The estimate uses only items completed since ``begin``, so a resumed run is not too optimistic, and excludes the
    time before the first item (loading a model), so a short run does not look long.
    """

    def __init__(self, unit: str, mode: ProgressMode = ProgressMode.AUTO) -> None:
        self._console: Console = err()
        self._unit = unit
        self._bar = mode is ProgressMode.AUTO and self._console.is_terminal
        self._lines = mode is not ProgressMode.NONE and not self._bar
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, ratio=2)),
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", style="dim", markup=False, table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[remaining]}", style="cyan", markup=False, table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[note]}", markup=False, table_column=Column(no_wrap=True)),
            console=self._console,
            expand=True,
            disable=not self._bar,
        )
        self._task = self._progress.add_task("", total=None, visible=False, rate="", remaining="", note="")
        self._start = self._printed = time.monotonic()
        self._total = self._first = self._done = 0
        self._description = ""

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._progress.update(self._task, note="")
        self._progress.stop()

    def begin(self, description: str, total: int, done: int = 0) -> None:
        """Start a stage of ``total`` items, ``done`` of which were completed earlier."""
        self._start = self._printed = time.monotonic()
        self._total, self._first, self._done = total, done, done
        self._description = description
        self._progress.reset(self._task, description=description, total=total, completed=done)
        self._progress.update(self._task, visible=True, rate="", remaining="", note="")

    def advance_to(self, done: int, note: str = "") -> None:
        """Set the number of completed items and an optional note."""
        self._done = done
        rate, remaining = self._rate(), self._remaining()
        self._progress.update(self._task, completed=done, rate=rate, remaining=remaining, note=note)
        now = time.monotonic()
        if self._lines and (now - self._printed > PLAIN_SECONDS or done == self._total):
            self._printed = now
            parts = (f"{self._description}: {done}/{self._total} {self._unit}", remaining, rate, note)
            self._console.print("  ".join(part for part in parts if part), markup=False)

    def count(self, description: str) -> Callable[[int, int], None]:
        """Return a callback ``(done, total)`` that shows progress under this description from its first call on."""

        def count(done: int, total: int) -> None:
            if self._total != total:
                self.begin(description, total)
            self.advance_to(done)

        return count

    def advance(self, seconds: float, note: str = "") -> None:
        """Advance by one item that took ``seconds``."""
        if self._done == self._first:
            self._start = time.monotonic() - seconds
        self.advance_to(self._done + 1, note)

    def _rate(self) -> str:
        """Return the items per second since ``begin`` as text; empty while it is unknown."""
        seconds = time.monotonic() - self._start
        if self._done == self._first or seconds <= 0:
            return ""
        rate = (self._done - self._first) / seconds
        return f"{rate:.0f}/s" if rate >= 10 else f"{rate:.2g}/s"

    def _remaining(self) -> str:
        """Return the estimated remaining time as text; empty while it is unknown."""
        completed = self._done - self._first
        if completed == 0 or self._done >= self._total:
            return ""
        seconds = (time.monotonic() - self._start) / completed * (self._total - self._done)
        return f"{duration(seconds)} left"


def duration(seconds: float) -> str:
    """Format a duration: ``12 s``, ``3:07 min``, ``2:05 h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"
