"""Tracks in the text files of Refer-KITTI (TransRMOT, TempRMOT): ``<video>/<expression>/predict.txt``.

A line is ``frame,id,x,y,w,h,1,1,1``: frames and identities count from 1 (ours from 0), x and y are the top left corner,
all in pixels. The same lines make a ``gt.txt``.
"""

import math
import re
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from mevis_bench.files.names import MAX_NAME_BYTES
from mevis_bench.records import DataError, TrackPrediction
from mevis_bench.store.formats.tree_predictions import TreePredictions
from mevis_bench.store.prediction_source import FrameSpec, LoadedPrediction

FRAMES = "KITTI/training/image_02"
LABELS = "KITTI/labels_with_ids/image_02"
EXPRESSIONS = "expression"
"""Folders of the data set, each with one folder a video."""

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
    """Read lines of a video of ``length`` frames; empty text means no track.

    Raises:
        DataError: A line has too few or other than numbers, a box has no size, a frame is not in 1..length, or an
            identity has two boxes in a frame; names the line.
    """
    frames, ids, boxes = [], [], []
    seen: set[tuple[int, int]] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        frame, identity, box = _parse_line(line, length, f"{location}:{number}")
        if (frame, identity) in seen:
            raise DataError(f"duplicate id {identity + 1} in frame {frame + 1}", location=f"{location}:{number}")
        seen.add((frame, identity))
        frames.append(frame)
        ids.append(identity)
        boxes.append(box)
    return TrackPrediction(
        np.array(frames, np.int64), np.array(ids, np.int64), np.array(boxes, np.float64).reshape(len(boxes), 4)
    )


def _parse_line(line: str, length: int, location: str) -> tuple[int, int, tuple[float, float, float, float]]:
    fields = line.split(",")
    if len(fields) < 6:
        raise DataError(f"expected at least 6 numbers frame,id,x,y,w,h, got {len(fields)}", location=location)
    try:
        frame, identity = int(fields[0]), int(fields[1])
        x, y, width, height = (float(field) for field in fields[2:6])
    except ValueError as error:
        raise DataError(f"not a line of tracks: {error}", location=location) from error
    if not 1 <= frame <= length:
        raise DataError(
            f"frame {frame} is not in 1..{length}", location=location, hint="Frames count from 1 in this format."
        )
    if not all(map(math.isfinite, (x, y, width, height))) or width <= 0 or height <= 0:
        raise DataError(f"box {fields[2:6]} has no size", location=location)
    return frame - 1, identity - 1, (x, y, x + width, y + height)


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
