"""``samples.jsonl``: one line per sample, appended atomically; read first when a run resumes."""

import os
from collections.abc import Mapping
from pathlib import Path

from mevis_bench.files.atomic import append_line
from mevis_bench.files.reading import read_regular
from mevis_bench.schemas.json_files import BOUNDS, decode_json_lines, encode_line
from mevis_bench.schemas.samples import SampleStatus


class SampleIndex:
    """Statuses of a run, on disk and in memory; of several lines of a sample the last one counts.

    An incomplete line at the end (a kill while it was written) is dropped when the file is opened.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or create it.

        Raises:
            DataError: A complete line is not a status, so another program changed the file.
        """
        self.path = path
        complete = _complete_lines(path)
        self.statuses = _statuses(complete, path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        os.ftruncate(self._file, len(complete))

    def append(self, status: SampleStatus) -> None:
        """Append one line. It is with the operating system at once: a kill cannot lose it, a power cut may.

        Raises:
            OSError: The disk is full; the incomplete line that may be left is dropped at the next opening.
        """
        append_line(self._file, encode_line(status).encode(), self.path)
        self.statuses[status.id] = status

    def close(self) -> None:
        """Flush the file to the disk and close it; ``statuses`` stays usable."""
        os.fsync(self._file)
        os.close(self._file)


def read_statuses(path: Path) -> Mapping[str, SampleStatus]:
    """Read the statuses of a run, which may be running in another process; an incomplete last line is ignored.

    A missing file means that no sample is finished yet.

    Raises:
        DataError: A complete line is not a status.
    """
    return _statuses(_complete_lines(path), path)


def _complete_lines(path: Path) -> bytes:
    try:
        content = read_regular(path, BOUNDS)
    except FileNotFoundError:
        return b""
    return content[: content.rfind(b"\n") + 1]


def _statuses(lines: bytes, path: Path) -> dict[str, SampleStatus]:
    return {status.id: status for status in decode_json_lines(lines, SampleStatus, str(path))}
