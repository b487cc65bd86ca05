"""``samples.jsonl``: a line a sample, appended whole. Resume asks this first."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from mevis_bench.files.atomic import append_line
from mevis_bench.records import DataError


@dataclass(frozen=True, slots=True)
class SampleStatus:
    """How one sample went.

    Attributes:
        id: ``<video>/<expression>``.
        status: ``ok``: its prediction is on disk; ``failed``: it has none.
        seconds: Wall time from the question to the prediction on disk; what the samples of a video share counts to the
            first of them.
        model_seconds: Of these, inside the method, decoding of frames not counted.
        frames: Number of frames of its video.
        error: Why it failed; ``None`` where it did not.
        traceback: Where it failed, for the one who mends the method; ``None``: the error says it all.
    """

    id: str
    status: Literal["ok", "failed"]
    seconds: float
    model_seconds: float
    frames: int
    error: str | None = None
    traceback: str | None = None


_NAMES = tuple(field.name for field in fields(SampleStatus))


class SampleIndex:
    """The statuses of a run, on disk and here; the last line of a sample holds.

    A half line at the end (a kill while it was written) is dropped when the file is opened.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file.

        Raises:
            DataError: A line before the last is not a status, so the file was changed by something else.
        """
        self.path = path
        self.statuses: dict[str, SampleStatus] = {}
        whole = 0
        if path.exists():
            content = path.read_bytes()
            whole = content.rfind(b"\n") + 1
            for number, line in enumerate(content[:whole].splitlines(), 1):
                status = _parse(line, f"{path}:{number}")
                self.statuses[status.id] = status
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        os.ftruncate(self._file, whole)

    def append(self, status: SampleStatus) -> None:
        """Add one line. It is with the system at once, so a kill can't lose it; a power cut may.

        Raises:
            OSError: The disk is full; the half line that may be left is dropped at the next opening.
        """
        line = (json.dumps({name: getattr(status, name) for name in _NAMES}, ensure_ascii=False) + "\n").encode()
        append_line(self._file, line, self.path)
        self.statuses[status.id] = status

    def close(self) -> None:
        """Flush the file to the disk and close it; ``statuses`` stays."""
        os.fsync(self._file)
        os.close(self._file)


def read_statuses(path: Path) -> Mapping[str, SampleStatus]:
    """Read the statuses of a run that may be running in another process; a half line at the end is not looked at.

    A missing file means that nothing was finished yet.
    """
    if not path.exists():
        return {}
    content = path.read_bytes()
    lines = content[: content.rfind(b"\n") + 1].splitlines()
    parsed = [_parse(line, f"{path}:{number}") for number, line in enumerate(lines, 1)]
    return {status.id: status for status in parsed}


def _parse(line: bytes, location: str) -> SampleStatus:
    try:
        return SampleStatus(**json.loads(line))
    except (ValueError, TypeError) as error:
        raise DataError(f"this line is no sample status ({error})", location=location) from error
