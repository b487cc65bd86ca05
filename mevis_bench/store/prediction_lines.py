"""One prediction as one line of JSON in ``predictions/<video>.jsonl``, which starts with ``"expression": "<id>"``.

- masks: ``{..., "kind": "masks", "height": H, "width": W, "masks": [counts | null, ...],
  "objects": [[...], ...] | null, "target_score": x | null}`` with COCO's compressed counts, one per frame, ``null``
  where nothing is foreground. A line with candidates has in addition ``"schema": 2, "candidates": [{"score": x,
  "masks": [...]}, ...]``; lines without a number are of schema 1;
- tracks: ``{..., "kind": "tracks", "frames": [...], "ids": [...], "boxes": [[x0, y0, x1, y1], ...]}``;
- captions: ``{..., "kind": "caption", "text": "...", "target_kept": x | null}``; the last may be missing,
  and there may be ``"raw"``, the model's whole answer.

Equal predictions give equal bytes. Where an expression has two lines, the last one holds.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from mevis_bench.files.strict_json import parse_json
from mevis_bench.masks.rle import counts_of
from mevis_bench.records import CaptionPrediction, DataError, MaskPrediction, Prediction, Rle, TrackPrediction
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


SCHEMA = 2
"""Newest schema of a line: 2 has candidates."""

StoredPrediction = StoredMasks | TrackPrediction | CaptionPrediction


def encode_line(expression_id: str, prediction: Prediction) -> bytes:
    """Return a prediction's line, with its end."""
    value: dict[str, object] = {"expression": expression_id}
    match prediction:
        case MaskPrediction():
            value |= {
                "kind": "masks",
                "height": prediction.masks.shape[1],
                "width": prediction.masks.shape[2],
                **_encoded(prediction),
                "target_score": prediction.target_score,
            }
            if prediction.candidates is not None:
                value |= {
                    "schema": SCHEMA,
                    "candidates": [
                        {"score": float(score), "masks": _encode_masks(masks)} for masks, score in prediction.candidates
                    ],
                }
        case TrackPrediction():
            value |= {
                "kind": "tracks",
                "frames": prediction.frames.tolist(),
                "ids": prediction.ids.tolist(),
                "boxes": prediction.boxes.tolist(),
            }
        case CaptionPrediction():
            value |= {"kind": "caption", "text": prediction.text, "target_kept": prediction.target_kept}
            if prediction.raw is not None:
                value["raw"] = prediction.raw
        case _:
            assert_never(prediction)
    return (json.dumps(value, separators=(",", ":"), allow_nan=False) + "\n").encode()


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
        DataError: The line is cut off, or holds no prediction.
    """
    value = parse_json(line, location)
    try:
        return _parse(value)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DataError(f"is not a prediction ({type(error).__name__}: {error})", location=location) from error


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


def _encoded(prediction: MaskPrediction) -> dict[str, object]:
    masks = _encode_masks(prediction.masks)
    if prediction.objects is None:
        return {"masks": masks, "objects": None}
    objects = [masks if each is prediction.masks else _encode_masks(each) for each in prediction.objects]
    return {"masks": masks, "objects": objects}


def _encode_masks(masks: NDArray[np.bool_]) -> list[str | None]:
    return [None if counts is None else counts.decode("ascii") for counts in counts_of(masks)]


def _decode(masks: Sequence[Rle | None], shape: tuple[int, int]) -> NDArray[np.bool_]:
    dense = np.zeros((len(masks), *shape), bool)
    for index, mask in enumerate(masks):
        if mask is not None:
            dense[index] = mask.decode(f"frame {index}")
    return dense


def _parse(value: dict[str, Any]) -> StoredPrediction:
    kind, schema = value["kind"], value.get("schema", 1)
    if type(schema) is not int or not 1 <= schema <= SCHEMA:
        raise ValueError(f"schema {schema!r}: this version reads up to {SCHEMA}")
    if kind == "caption":
        kept, raw = value.get("target_kept"), value.get("raw")
        return CaptionPrediction(
            _checked(value["text"], str),
            None if kept is None else float(kept),
            None if raw is None else _checked(raw, str),
        )
    if kind == "tracks":
        frames, ids = (
            np.array([_checked(number, int) for number in value[key]], np.int64) for key in ("frames", "ids")
        )
        boxes = np.array(value["boxes"], np.float64).reshape(len(value["boxes"]), 4)
        if not len(frames) == len(ids) == len(boxes):
            raise ValueError(f"{len(frames)} frames, {len(ids)} ids, {len(boxes)} boxes")
        if not np.isfinite(boxes).all():
            raise ValueError("boxes are not finite")
        return TrackPrediction(frames, ids, boxes)
    if kind != "masks":
        raise ValueError(f"unknown kind {kind!r}")
    height, width = _checked(value["height"], int), _checked(value["width"], int)

    def rles(counts: list[str | None]) -> tuple[Rle | None, ...]:
        return tuple(None if text is None else Rle(height, width, text.encode("ascii")) for text in counts)

    objects, score = value["objects"], value["target_score"]
    if score is not None and not (type(score) in (int, float) and 0 <= score <= 1):
        raise ValueError(f"target_score {score!r} is not in 0..1")
    return StoredMasks(
        height,
        width,
        rles(value["masks"]),
        None if objects is None else tuple(rles(each) for each in objects),
        score,
        _parse_candidates(value, rles) if schema > 1 else None,
    )


def _parse_candidates(
    value: dict[str, Any], rles: Callable[[list[str | None]], tuple[Rle | None, ...]]
) -> tuple[Candidate, ...]:
    candidates = []
    for entry in value["candidates"]:
        score = entry["score"]
        if type(score) not in (int, float):
            raise TypeError(f"expected a score, got {score!r}")
        if len(entry["masks"]) != len(value["masks"]):
            raise ValueError(f"candidate of {len(entry['masks'])} masks, the prediction has {len(value['masks'])}")
        candidates.append(Candidate(rles(entry["masks"]), float(score)))
    return tuple(candidates)


def _checked(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, got {value!r}")
    return value
