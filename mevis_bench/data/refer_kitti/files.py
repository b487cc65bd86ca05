"""Readers of Refer-KITTI's files: label files, expressions and the seqmap."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mevis_bench.files.names import validate_name
from mevis_bench.files.strict_json import read_json
from mevis_bench.records import DataError
from mevis_bench.records.bounds import Bounds
from mevis_bench.schemas.decode import decode_external
from mevis_bench.schemas.external import ReferKittiExpression

BOUNDS = Bounds(files="Label files and seqmaps of Refer-KITTI", limits={"bytes": 2**26, "digits of a track": 15})

FRAMES = "KITTI/training/image_02"
LABELS = "KITTI/labels_with_ids/image_02"
EXPRESSIONS = "expression"
"""Folders of the data set, each with one folder per video."""

SEQMAP = "seqmap.txt"

Box = tuple[float, float, float, float]
"""``x0, y0, x1, y1`` in pixels, not rounded."""


def list_frames(folder: Path) -> list[Path]:
    """Return the image files of a video in order.

    Raises:
        DataError: There are none, or a name is not the frame's number, from 0.
    """
    paths = sorted(folder.glob("*.png")) or sorted(folder.glob("*.jpg"))
    if not paths:
        raise DataError("frames not found", location=str(folder))
    for number, path in enumerate(paths):
        if path.stem != f"{number:06d}":
            raise DataError(
                f"frame {number} has to be {number:06d}{path.suffix}, not {path.name}", location=str(folder)
            )
    return paths


def read_labels(path: Path, height: int, width: int) -> dict[int, Box]:
    """Read one frame's boxes by track: lines ``<class> <track> x y w h``, shares of the image; no file: no boxes.

    A pixel coordinate is the share times the image's side, as both of the original evaluators compute it.

    Raises:
        DataError: A line has other than six numbers, a negative side, or the track of an earlier line.
    """
    if not path.is_file():
        return {}
    boxes: dict[int, Box] = {}
    for number, line in enumerate(_read_lines(path), start=1):
        location = f"{path}:{number}"
        try:
            _, track, x, y, w, h = (float(field) for field in line.split())
            known = int(track)
        except (ValueError, OverflowError) as error:
            raise DataError(f"not a label '<class> <track> x y w h': {error}", location=location) from error
        if not all(map(math.isfinite, (x, y, w, h))) or min(w, h) < 0 or known != track:
            raise DataError(f"not a label '<class> <track> x y w h': {line.strip()!r}", location=location)
        if known in boxes:
            raise DataError(f"track {known} has two boxes in one frame", location=location)
        left, top = x * width, y * height
        boxes[known] = left, top, left + w * width, top + h * height
    return boxes


@dataclass(frozen=True, slots=True)
class Referral:
    """One expression file.

    Attributes:
        text: The sentence.
        tracks: Tracks that it refers to by frame, from 0; sorted, each once.
    """

    text: str
    tracks: Mapping[int, tuple[int, ...]]


def read_referral(path: Path, length: int) -> Referral:
    """Read one expression of a video of ``length`` frames.

    Raises:
        DataError: A key is missing or ill-typed, or a frame is outside the video.
    """
    expression = decode_external(read_json(path), ReferKittiExpression, str(path))
    frames: dict[int, tuple[int, ...]] = {}
    for key, tracks in expression.label.items():
        location = f"{path}, label {key}"
        if not key.isdecimal() or int(key) >= length:
            message = f"frame {key} not found; the video has frames 0 to {length - 1}"
            raise DataError(message, location=location)
        frames[int(key)] = tuple(sorted({_parse_track(track, location) for track in tracks}))
    return Referral(expression.sentence, dict(sorted(frames.items())))


def _parse_track(track: int | str, location: str) -> int:
    """Return a track's number; files have it as an integer or as a string."""
    if type(track) is int and track >= 0:
        return track
    digits = BOUNDS.limit("digits of a track")
    if isinstance(track, str) and track.isdecimal() and len(track) <= digits:
        return int(track)
    raise DataError(f"not a track: {track!r}", location=location)


def read_seqmap(path: Path) -> Mapping[str, tuple[str, ...]]:
    """Return the expressions to score by video, in the order of the file.

    A line is ``<video>+<expression>``; names may contain commas, which are no separators.

    Raises:
        DataError: The file cannot be read, a line has no ``+`` or an invalid name, or repeats an earlier one.
    """
    names: dict[str, list[str]] = {}
    for number, line in enumerate(_read_lines(path), start=1):
        if not line.strip():
            continue
        location = f"{path}:{number}"
        video_id, plus, name = line.strip().partition("+")
        if not plus:
            raise DataError(f"expected <video>+<expression>, got {line.strip()!r}", location=location)
        validate_name(video_id, "video id", location)
        known = names.setdefault(video_id, [])
        if validate_name(name, "expression id", location) in known:
            raise DataError(f"duplicate sequence {line.strip()!r}", location=location)
        known.append(name)
    return {video_id: tuple(known) for video_id, known in names.items()}


def list_expressions(folder: Path) -> Mapping[str, Path]:
    """Return a video's expression files by id: the file name up to its first dot.

    Raises:
        DataError: An id is invalid, or two files have the same.
    """
    paths: dict[str, Path] = {}
    for path in sorted(folder.glob("*.json")):
        name = validate_name(path.name.partition(".")[0], "expression id", str(path))
        if name in paths:
            raise DataError(f"two files are expression {name!r}", location=str(path))
        paths[name] = path
    return paths


def _read_lines(path: Path) -> Sequence[str]:
    try:
        BOUNDS.check("bytes", path.stat().st_size, str(path))
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", location=str(path)) from error
    except UnicodeDecodeError as error:
        raise DataError("not text in UTF-8", location=str(path)) from error
