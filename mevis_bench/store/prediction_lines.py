"""Predictions as lines of ``predictions/<video>.jsonl``, each of which starts with ``"expression": "<id>"``.

The five forms of a line are in :mod:`mevis_bench.schemas.predictions`. Equal predictions give equal bytes. Where an
expression has two lines, the last one holds.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks.rle import counts_of
from mevis_bench.records import (
    CaptionPrediction,
    DataError,
    MaskPrediction,
    PointPrediction,
    Prediction,
    Rle,
    TrackPrediction,
)
from mevis_bench.schemas.json_files import plain
from mevis_bench.schemas.predictions import (
    CandidateMasks,
    CandidatesLine,
    CaptionLine,
    CountsPerFrame,
    MasksLine,
    PointsLine,
    PredictionLine,
    TracksLine,
    decode_prediction,
)
from mevis_bench.store.prediction_source import Candidate


@dataclass(frozen=True, slots=True)
class StoredMasks:
    """A mask prediction as stored on disk, not decoded.

    Attributes:
        height: Rows of every frame, in pixels.
        width: Columns of every frame, in pixels.
        masks: One per frame, ``None`` where nothing is foreground.
        objects: The same kept apart by object; ``None``: not known.
        target_score: The method's own confidence in 0..1 that there is a target; ``None``: it has none.
        candidates: Several masks with scores; ``None``: there are none.
    """

    height: int
    width: int
    masks: tuple[Rle | None, ...]
    objects: tuple[tuple[Rle | None, ...], ...] | None
    target_score: float | None
    candidates: tuple[Candidate, ...] | None = None


StoredPrediction = StoredMasks | TrackPrediction | PointPrediction | CaptionPrediction


def encode_line(expression_id: str, prediction: Prediction) -> bytes:
    """Return a prediction's line, with its end."""
    value = plain(_line(expression_id, prediction))
    if isinstance(prediction, CaptionPrediction) and prediction.raw is None:
        del value["raw"]
    return (json.dumps(value, separators=(",", ":"), allow_nan=False) + "\n").encode()


def _line(expression_id: str, prediction: Prediction) -> PredictionLine:
    match prediction:
        case MaskPrediction():
            return _masks_line(expression_id, prediction)
        case TrackPrediction():
            frames, ids, boxes = (column.tolist() for column in (prediction.frames, prediction.ids, prediction.boxes))
            return TracksLine(expression=expression_id, kind="tracks", frames=frames, ids=ids, boxes=boxes)
        case PointPrediction():
            frames, ids, points = (column.tolist() for column in (prediction.frames, prediction.ids, prediction.points))
            return PointsLine(
                expression=expression_id,
                kind="points",
                frames=frames,
                ids=ids,
                points=points,
                raw=prediction.raw,
                is_cut=prediction.is_cut,
            )
        case CaptionPrediction(text, target_kept, raw):
            return CaptionLine(expression=expression_id, kind="caption", text=text, target_kept=target_kept, raw=raw)
        case _:
            assert_never(prediction)


def _masks_line(expression_id: str, prediction: MaskPrediction) -> MasksLine:
    _, height, width = prediction.masks.shape
    masks, objects, candidates = _encode_masks(prediction.masks), prediction.objects, prediction.candidates
    fields: dict[str, Any] = {
        "expression": expression_id,
        "kind": "masks",
        "height": height,
        "width": width,
        "masks": masks,
        "objects": None
        if objects is None
        else tuple(masks if each is prediction.masks else _encode_masks(each) for each in objects),
        "target_score": prediction.target_score,
    }
    if candidates is None:
        return MasksLine(**fields)
    encoded = tuple(CandidateMasks(float(score), _encode_masks(each)) for each, score in candidates)
    return CandidatesLine(**fields, candidates=encoded)


def split_lines(content: bytes, location: str) -> Mapping[str, bytes]:
    """Return the lines of a video's file by expression; none of them is parsed yet.

    Raises:
        DataError: A line does not start with its expression.
    """
    lines = {}
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        expression_id = _expression(line)
        if expression_id is None:
            raise DataError('this line does not start with "expression"', location=f"{location}:{number}")
        lines[expression_id] = line
    return lines


def complete_lines(content: bytes) -> Mapping[str, bytes]:
    """Return the lines of a video's file by expression, without what a kill or a power cut has left of others."""
    lines = ((_expression(line), line) for line in content.splitlines(keepends=True))
    return {one: line for one, line in lines if one is not None and line.endswith(b"}\n")}


def _expression(line: bytes) -> str | None:
    match = _START.match(line)
    try:
        return None if match is None else str(json.loads(match[1]))
    except ValueError:
        return None


_START = re.compile(rb'\s*\{\s*"expression"\s*:\s*("(?:[^"\\]|\\.)*")\s*,')


def parse_line(line: bytes, location: str) -> StoredPrediction:
    """Read one prediction; masks are not decoded here.

    Raises:
        DataError: The line is cut off, or is not a prediction.
    """
    record = decode_prediction(line, location)
    match record:
        case MasksLine():
            return _stored_masks(record, location)
        case TracksLine():
            boxes = np.array(record.boxes, np.float64).reshape(-1, 4)
            return TrackPrediction(np.array(record.frames, np.int64), np.array(record.ids, np.int64), boxes)
        case PointsLine():
            points = np.array(record.points, np.float64).reshape(-1, 2)
            frames, ids = (np.array(column, np.int64) for column in (record.frames, record.ids))
            return PointPrediction(frames, ids, points, record.raw, record.is_cut)
        case CaptionLine():
            return CaptionPrediction(record.text, record.target_kept, record.raw)
        case _:
            assert_never(record)


def decode_masks(stored: StoredMasks) -> MaskPrediction:
    """Decode to dense masks, ``(t, h, w)``.

    Raises:
        DataError: Run lengths do not fill the frame.
    """
    shape = stored.height, stored.width
    objects = None if stored.objects is None else tuple(_decode(each, shape) for each in stored.objects)
    candidates = (
        None
        if stored.candidates is None
        else tuple((_decode(each.masks, shape), each.score) for each in stored.candidates)
    )
    return MaskPrediction(_decode(stored.masks, shape), objects, stored.target_score, candidates)


def _encode_masks(masks: NDArray[np.bool_]) -> CountsPerFrame:
    return tuple(None if counts is None else counts.decode("ascii") for counts in counts_of(masks))


def _decode(masks: Sequence[Rle | None], shape: tuple[int, int]) -> NDArray[np.bool_]:
    dense = np.zeros((len(masks), *shape), bool)
    for index, mask in enumerate(masks):
        if mask is not None:
            dense[index] = mask.decode(f"frame {index}")
    return dense


def _stored_masks(line: MasksLine, location: str) -> StoredMasks:
    def rles(masks: CountsPerFrame) -> tuple[Rle | None, ...]:
        return tuple(
            None if counts is None else Rle(line.height, line.width, counts.encode("ascii")) for counts in masks
        )

    candidates = line.candidates if isinstance(line, CandidatesLine) else None
    try:
        return StoredMasks(
            line.height,
            line.width,
            rles(line.masks),
            None if line.objects is None else tuple(map(rles, line.objects)),
            line.target_score,
            None if candidates is None else tuple(Candidate(rles(each.masks), each.score) for each in candidates),
        )
    except UnicodeEncodeError as error:
        character = error.object[error.start]
        raise DataError(f"character {character!r} in a mask is not COCO's", location=location) from error
