"""Answers of vision-language models that point: tracks of points as text, and files of such answers.

Two syntaxes are read, those of lmms-eval's ``rvos_*`` tasks: ``<tracks coords="t id x y id x y; t ...">`` with
coordinates 0..1000 (LLaVA-OneVision 2, Molmo 2), and lines ``time t`` followed by ``{id: [x, y, occluded]}`` with
coordinates 0..100.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec

from mevis_bench.records.bounds import Bounds
from mevis_bench.records.errors import DataError
from mevis_bench.records.frame_size import MAX_FRAME_SIDE
from mevis_bench.records.prediction import Points

BOUNDS = Bounds(files="Answers in points (`<task>_submission.json` of lmms-eval)", limits={"bytes": 2**30})

_COORDS = re.compile(r"""coords\s*=\s*(["'])([^"']*)(["']?)""")
_NUMBER = re.compile(r"[0-9]{1,6}(?:\.[0-9]*)?")
_TIMED = re.compile(r"time\s+([0-9]{1,6}(?:\.[0-9]*)?)\s*\{([^}]*)\}")
_OBJECT = re.compile(r"([0-9]{1,6})\s*:\s*[\[(]\s*([0-9.]{1,12})\s*,\s*([0-9.]{1,12})")


@dataclass(frozen=True, slots=True)
class PointText:
    """Readable part of an answer.

    Attributes:
        points: Readable points; empty: none.
        is_cut: Whether the text ends inside its coordinates, as where a model ran out of tokens.
    """

    points: Points
    is_cut: bool


def parse_points(text: str, width: int, height: int, fps: float) -> PointText:
    """Read the points of an answer; what is not readable is left out, and never an error.

    Args:
        text: The answer. If it has both syntaxes, the first one counts.
        width: Columns of the video, in pixels.
        height: Rows.
        fps: Frames per second; a point at ``t`` seconds belongs to frame ``t * fps``, rounded.
    """
    points: dict[int, dict[str, tuple[float, float]]] = {}
    is_cut = False
    for match in _COORDS.finditer(text):
        is_cut = is_cut or not match[3]
        for segment in re.split(r"[;,:\t]", match[2]):
            words = segment.split()
            if not words or not all(_NUMBER.fullmatch(word) for word in words):
                continue
            frame = points.setdefault(round(float(words[0]) * fps), {})
            for place in range(1, len(words) - 2, 3):
                name, x, y = (word.partition(".")[0] for word in words[place : place + 3])
                if int(x) <= 1000 and int(y) <= 1000:
                    frame.setdefault(name, (int(x) / 1000 * width, int(y) / 1000 * height))
    if not any(points.values()):
        points = _parse_timed(text, width, height, fps)
    return PointText({frame: named for frame, named in sorted(points.items()) if named}, is_cut)


def _parse_timed(text: str, width: int, height: int, fps: float) -> dict[int, dict[str, tuple[float, float]]]:
    points: dict[int, dict[str, tuple[float, float]]] = {}
    for match in _TIMED.finditer(text):
        for name, left, top in _OBJECT.findall(match[2]):
            try:
                x, y = float(left), float(top)
            except ValueError:
                continue
            if max(x, y) <= 100:
                named = points.setdefault(round(float(match[1]) * fps), {})
                named[str(int(name))] = x / 100 * width, y / 100 * height
    return points


# Beyond these, distances and frame indices would overflow.
_Coordinate = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
_Rate = Annotated[float, msgspec.Meta(gt=0, le=1e6)]


class _Point(msgspec.Struct):
    point: tuple[_Coordinate, _Coordinate]


class _Entry(msgspec.Struct):
    frame: Annotated[int, msgspec.Meta(ge=0, le=2**31)]
    points: dict[str, _Point]


class _Record(msgspec.Struct):
    video: str
    expression: str
    height: Annotated[int, msgspec.Meta(ge=1, le=MAX_FRAME_SIDE)]
    width: Annotated[int, msgspec.Meta(ge=1, le=MAX_FRAME_SIDE)]
    fps: _Rate
    sampling_fps: _Rate = 1.0
    prediction: str = ""
    tracks: list[_Entry] | None = None
    qid: Any = None


@dataclass(frozen=True, slots=True)
class PointAnswer:
    """One answer of a file.

    Attributes:
        video: Name of the video.
        expression: The sentence.
        query: Id that the file gives to the sentence; ``None``: it gives none.
        text: The model's words, as they came.
        points: Readable points; empty: the answer counts as "no target".
        is_cut: Whether the text ends inside its coordinates.
        fps: Frames per second of the video.
        sampling_fps: Frames per second at which answers are scored.
    """

    video: str
    expression: str
    query: str | None
    text: str
    points: Points = field(compare=False)
    is_cut: bool
    fps: float
    sampling_fps: float

    @property
    def is_unreadable(self) -> bool:
        """Whether there are words, but no point."""
        return bool(self.text.strip()) and not self.points


def read_point_answers(path: Path) -> tuple[PointAnswer, ...]:
    """Read ``<task>_submission.json`` of lmms-eval: its parsed ``tracks`` where it has them, else the text.

    Raises:
        DataError: The file is missing, too large, or not of this layout.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise DataError("not a file", location=str(path))
        BOUNDS.check("bytes", size, str(path))
        records = msgspec.json.decode(path.read_bytes(), type=list[_Record])
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", location=str(path)) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(
            f"not a file of answers in points: {error}",
            location=str(path),
            hint="Expected <task>_submission.json of lmms-eval's rvos tasks: a list of records with video, expression, "
            "height, width, fps, and prediction or tracks.",
        ) from error
    return tuple(_answer(record) for record in records)


def _answer(record: _Record) -> PointAnswer:
    read = parse_points(record.prediction, record.width, record.height, record.fps)
    points = read.points if record.tracks is None else _points_of(record.tracks)
    query = None if record.qid is None else str(record.qid)
    return PointAnswer(
        record.video,
        record.expression,
        query,
        record.prediction,
        points,
        read.is_cut,
        record.fps,
        record.sampling_fps,
    )


def _points_of(entries: Sequence[_Entry]) -> Points:
    return {
        entry.frame: {name: (item.point[0], item.point[1]) for name, item in entry.points.items()}
        for entry in entries
        if entry.points
    }


def find_answer(answers: Sequence[PointAnswer], video: str, expression_id: str, text: str) -> PointAnswer | None:
    """Return the answer to an expression of a video: by id and sentence, else the first one with its sentence."""
    same = [answer for answer in answers if answer.video == video and answer.expression == text]
    return next((answer for answer in same if answer.query == expression_id), same[0] if same else None)
