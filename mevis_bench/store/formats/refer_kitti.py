"""Tracks in the text files of Refer-KITTI (TransRMOT, TempRMOT): ``<video>/<expression>/predict.txt``.

A line is ``frame,id,x,y,w,h,1,1,1``: frames and identities count from 1 (ours from 0), x and y are the top left corner,
all in pixels. The same lines make a ``gt.txt``.
"""

import math
import re
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mevis_bench.files.names import MAX_NAME_BYTES
from mevis_bench.records import DataError, TrackPrediction
from mevis_bench.store.formats.tree_predictions import TreePredictions
from mevis_bench.store.prediction_source import FrameSpec, LoadedPrediction

PREDICTIONS = "predict.txt"
TRUTH = "gt.txt"
_MAX_SLUG = 100
_FORBIDDEN = "+./\\"
"""Characters at which the reference implementations split names."""


def expression_name(expression_id: str, text: str) -> str:
    """Name an expression as a file or folder: its words with hyphens, two hyphens, its id.

    The id makes it unique, because videos of MeViS have the same sentence twice; the words are for people.

    Raises:
        DataError: The id contains a character at which the reference implementations split names.
    """
    if any(sign in expression_id for sign in _FORBIDDEN):
        raise DataError(f"invalid expression id {expression_id!r} for Refer-KITTI: it contains '+' or '.'")
    max_length = min(_MAX_SLUG, MAX_NAME_BYTES - 2 - len(expression_id.encode()))
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower())[: max(0, max_length)].strip("-")
    return f"{slug}--{expression_id}"


def expression_id(name: str) -> str:
    """Return the id in a name; a name without words is the id itself."""
    words, hyphens, rest = name.partition("--")
    return rest if hyphens else words


def encode_tracks(tracks: TrackPrediction) -> str:
    """Write tracks as lines, by frame, then by identity."""
    order = np.lexsort((tracks.ids, tracks.frames))
    lines = []
    for frame, identity, (x0, y0, x1, y1) in zip(
        tracks.frames[order].tolist(), tracks.ids[order].tolist(), tracks.boxes[order].tolist(), strict=True
    ):
        lines.append(f"{frame + 1},{identity + 1},{x0!r},{y0!r},{x1 - x0!r},{y1 - y0!r},1,1,1\n")
    return "".join(lines)


def parse_tracks(text: str, length: int, location: str) -> TrackPrediction:
    """Read lines of a video of ``length`` frames, with commas or blanks between numbers; empty text means no track.

    A box without width or height is kept: it overlaps nothing, and counts (TrackEval).

    Raises:
        DataError: A line has too few or other than numbers, a box has a negative side, a frame is not in 1..length, or
            an identity has two boxes in a frame; names the line.
    """
    if "," not in text:
        text = "\n".join(",".join(line.split()) for line in text.splitlines())
    table = _read_table(text, length)
    if table is None:
        table = _read_lines(text, length, location)
    corners = np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1)
    return TrackPrediction(table[:, 0].astype(np.int64) - 1, table[:, 1].astype(np.int64) - 1, corners)


_EXACT = 2.0**53
"""Whole numbers below are exact in float64."""


def _read_table(text: str, length: int) -> NDArray[np.float64] | None:
    """Return the first six numbers of all lines, ``(n, 6)``; ``None`` where anything is unusual."""
    if not text.strip():
        return np.empty((0, 6))
    try:
        table = np.loadtxt(text.splitlines(), delimiter=",", comments=None, usecols=range(6), ndmin=2)
    except ValueError:
        return None
    numbers = table[:, :2]
    usual = np.isfinite(table).all() and (numbers == np.floor(numbers)).all() and (np.abs(numbers) < _EXACT).all()
    if not usual or (table[:, 0] < 1).any() or (table[:, 0] > length).any() or (table[:, 4:] < 0).any():
        return None
    order = np.lexsort((table[:, 1], table[:, 0]))
    duplicate = (np.diff(numbers[order], axis=0) == 0).all(axis=1).any()
    return None if duplicate else table


def _duplicate(frame: float, identity: float, text: str, location: str) -> DataError:
    """Return the error of an identity with two boxes in a frame; names its cause where the file was written twice."""
    lines = text.splitlines()
    half = len(lines) // 2
    hint = None
    if half and lines[:half] == lines[half:]:
        hint = (
            f"The second half of the file, from line {half + 1}, repeats the first: TransRMOT and TempRMOT append to "
            "the file, so remove it before a second inference."
        )
    return DataError(f"duplicate id {identity:g} in frame {frame:g}: it has two boxes", location=location, hint=hint)


def _read_lines(text: str, length: int, location: str) -> NDArray[np.float64]:
    """Read line by line, for the error of the first wrong one; see :func:`parse_tracks`."""
    rows = []
    seen: set[tuple[int, int]] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        row = _parse_line(line, length, f"{location}:{number}")
        if row[:2] in seen:
            raise _duplicate(row[0], row[1], text, f"{location}:{number}")
        seen.add(row[:2])
        rows.append(row)
    return np.array(rows, np.float64).reshape(len(rows), 6)


def _parse_line(line: str, length: int, location: str) -> tuple[int, int, float, float, float, float]:
    fields = line.split(",")
    if len(fields) < 6:
        raise DataError(f"expected at least 6 numbers frame,id,x,y,w,h, got {len(fields)}", location=location)
    try:
        frame, identity = (_whole(field) for field in fields[:2])
        x, y, width, height = (float(field) for field in fields[2:6])
    except (ValueError, OverflowError) as error:
        raise DataError(f"not a line of tracks: {error}", location=location) from error
    if not 1 <= frame <= length:
        raise DataError(
            f"frame {frame} is not in 1..{length}", location=location, hint="Frames count from 1 in this format."
        )
    if abs(identity) >= _EXACT:
        raise DataError(f"id {identity} has more than 15 digits", location=location)
    if not all(map(math.isfinite, (x, y, width, height))) or width < 0 or height < 0:
        raise DataError(f"box {fields[2:6]} has a negative or no finite size", location=location)
    return frame, identity, x, y, width, height


def _whole(field: str) -> int:
    """Return a whole number; ``7.0``, which some trackers write, is one."""
    number = float(field)
    if number != math.floor(number):
        raise ValueError(f"{field.strip()} is not a whole number")
    return int(number)


class ReferKittiPredictions(TreePredictions):
    """Tracks of many samples, one text file each; the folder of an expression is its id or ends in ``--<id>``."""

    format = "Refer-KITTI text"
    layout = f"<video>/<expression>/{PREDICTIONS}"

    @classmethod
    def matches(cls, names: Sequence[str]) -> bool:
        """See :class:`TreePredictions`."""
        return any(name.count("/") == 2 and name.endswith(f"/{PREDICTIONS}") for name in names)

    @cached_property
    def _names(self) -> dict[str, str]:
        """Names of the files by sample.

        Raises:
            DataError: Two folders are of one expression.
        """
        names: dict[str, str] = {}
        for name in self.files.names():
            parts = name.split("/")
            if len(parts) == 3 and parts[2] == PREDICTIONS:
                sample = f"{parts[0]}/{expression_id(parts[1])}"
                if sample in names:
                    raise DataError(f"duplicate prediction of {sample}", location=self.files.location(name))
                names[sample] = name
        return names

    def find_samples(self) -> Iterable[str]:
        """See :class:`TreePredictions`."""
        return self._names

    def only(self, video_id: str) -> "ReferKittiPredictions":
        """Return a reader of this video's files, which need not be listed again."""
        reader = ReferKittiPredictions(self.files)
        reader._names = {sample: name for sample, name in self._names.items() if name.startswith(f"{video_id}/")}
        return reader

    def read(self, expression_id: str, clip: FrameSpec) -> LoadedPrediction:
        """See :class:`TreePredictions`."""
        sample = f"{clip.video_id}/{expression_id}"
        if sample not in self._names:
            raise DataError("prediction is missing", location=self.files.location(sample))
        name = self._names[sample]
        return parse_tracks(self.read_ascii(name), len(clip.frame_names), self.files.location(name))
