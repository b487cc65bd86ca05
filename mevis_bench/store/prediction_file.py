"""A video's predictions on their way to disk: ``predictions/<video>.jsonl``."""

import os
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

from mevis_bench.files.atomic import append_line, atomic_write
from mevis_bench.records import Prediction
from mevis_bench.store.prediction_lines import complete_lines, encode_line


class PredictionFile:
    """Prediction file of one video while it is written: one line per sample, at any moment in order of the data set."""

    def __init__(self, path: Path, order: Sequence[str], again: Container[str]) -> None:
        """Open the file, or get ready to make it.

        Args:
            path: Path of the file.
            order: All expressions of the video, in order of the data set.
            again: The ones that will be added. Their old lines are dropped, and so is what a kill has left of a line.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file: int | None = None
        self._places = {expression_id: place for place, expression_id in enumerate(order)}
        there = path.read_bytes() if path.exists() else b""
        kept = {one: line for one, line in complete_lines(there).items() if one in self._places and one not in again}
        self._last = max((self._places[one] for one in kept), default=-1)
        if b"".join(kept.values()) != there:
            self._write(kept)

    def add(self, expression_id: str, prediction: Prediction) -> None:
        """Add one line; when this returns, a kill cannot lose it.

        Raises:
            OSError: The disk is full; no line that was there before is lost.
        """
        line = encode_line(expression_id, prediction)
        if self._places[expression_id] < self._last:
            self._write({**complete_lines(self.path.read_bytes()), expression_id: line})
            return
        if self._file is None:
            # Run folders are untrusted: a link is not followed.
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o644)
        append_line(self._file, line, self.path)
        self._last = self._places[expression_id]

    def close(self) -> None:
        """Close the file; more can still be added, which opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, lines: Mapping[str, bytes]) -> None:
        """Replace all lines."""
        self.close()  # what is open is the old file
        if lines:
            content = b"".join(lines[one] for one in sorted(lines, key=self._places.__getitem__))
            atomic_write(self.path, content, durable=False)
        else:
            self.path.unlink()
