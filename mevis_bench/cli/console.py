"""Console output: results on stdout, progress and errors on stderr; plain text outside a terminal."""

import io
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from mevis_bench.reports.escaping import json_text, plain

PLAIN_WIDTH = 200
"""Line width outside a terminal, unless ``COLUMNS`` is set: wide enough that logs and pipes are not wrapped."""


class PlainConsole(Console):
    """Console on which no text acts: strings are printed without markup, control characters are replaced.

    Only ``Text`` has styles.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render, see :meth:`rich.console.Console.render`."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(plain(segment.text), segment.style)


def out() -> Console:
    """Return the console of results (stdout). Color follows the terminal and ``NO_COLOR``."""
    return PlainConsole(width=_width(sys.stdout), highlight=False, soft_wrap=False, markup=False, emoji=False)


def err() -> Console:
    """Return the console of progress, notes and errors (stderr)."""
    return PlainConsole(stderr=True, width=_width(sys.stderr), highlight=False, markup=False, emoji=False)


def _width(stream: TextIO) -> int | None:
    """Return the line width; ``None``: rich takes that of the terminal or of ``COLUMNS``."""
    return None if stream.isatty() or os.environ.get("COLUMNS", "").isdigit() else PLAIN_WIDTH


def replace_unencodable() -> None:
    """Have stdout and stderr show a character that their encoding does not have as an escape, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_json(value: Mapping[str, object] | Sequence[object]) -> None:
    """Print one JSON document to stdout, the only output there with ``--json``."""
    sys.stdout.write(json_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str)) + "\n")


def print_error(message: str, *, location: str | None = None, hint: str | None = None) -> None:
    """Print one error to stderr: location, message, hint. Texts are printed literally, without markup."""
    text = Text("error: ", style="bold red")
    if location:
        text.append(f"{_shortened(location)}: ", style="bold default")
    text.append(_shortened(message), style="not bold default")
    console = err()
    console.print(text, soft_wrap=True)
    if hint:
        console.print(Text(hint, style="cyan"), soft_wrap=True)


def _shortened(text: str) -> str:
    """Return a text of at most 2,000 characters; the middle of a longer one is left out."""
    return text if len(text) <= 2000 else f"{text[:1000]} ... {text[-900:]}"


def print_deprecated(name: str, replacement: str) -> None:
    """Print to stderr that an option is deprecated."""
    err().print(f"{name} is deprecated and will be removed: use {replacement}.", style="yellow", markup=False)
