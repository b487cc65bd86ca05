"""The two annotation files of a split, checked while they are turned into records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mevis_bench.files.names import validate_name
from mevis_bench.masks.rle_json import parse_rles
from mevis_bench.records import DataError, Expression, Rle
from mevis_bench.records.frame_size import check_frame_count
from mevis_bench.schemas.decode import decode_external, decode_key
from mevis_bench.schemas.external import Corners, MevisExpression, MevisExpressions, MevisVideo

KINDS = {
    "noun": "sentence-noun",
    "whole": "sentence-move",
    "start": "sentence-move",
    "end": "sentence-move",
    "order": "sentence-order",
    "event": "sentence-event",
    "either": "sentence-either",
    "relation": "sentence-relation",
    "extreme": "sentence-extreme",
    "count": "sentence-number",
}
"""Kinds of expressions by the ``form`` that generated splits state (``synthetic.expressions.Sentence``)."""


@dataclass(frozen=True, slots=True)
class VideoEntry:
    """Entry of one video in the expression file.

    Attributes:
        frames: Names of the frames, without suffix, in order; at least one.
        expressions: In file order.
        size: Height and width, where the file states them; ``None`` where it does not.
    """

    frames: tuple[str, ...]
    expressions: tuple[Expression, ...]
    size: tuple[int, int] | None = None


def parse_videos(document: object, location: str) -> dict[str, object]:
    """Return the raw entry of every video by its id.

    Raises:
        DataError: The document has no ``videos``, or a video id is not a valid name.
    """
    videos: dict[str, object] = decode_key(document, MevisExpressions, "videos", location, deep=False)
    for video_id in videos:
        validate_name(video_id, "video id", location)
    return videos


def parse_video(entry: object, location: str, *, has_ground_truth: bool) -> VideoEntry:
    """Check one video's entry.

    Args:
        entry: ``{"expressions": {id: {...}}, "frames": [name, ...]}``; further keys are ignored.
        location: File and video, for messages.
        has_ground_truth: Whether expressions have to name the objects they refer to.

    Raises:
        DataError: A part is missing or is not what it should be.
    """
    expressions = parse_expressions(entry, location)
    parsed = tuple(
        parse_expression(
            expression_id, raw, f"{location}, expression {expression_id}", has_ground_truth=has_ground_truth
        )
        for expression_id, raw in expressions.items()
    )
    return VideoEntry(parse_frames(entry, location), parsed, parse_size(entry, location))


def parse_size(entry: object, location: str) -> tuple[int, int] | None:
    """Return height and width if the entry of a video has both; other files than MeViS's own often do.

    Raises:
        DataError: One of them is not a positive integer.
    """
    height, width = (decode_key(entry, MevisVideo, key, location) for key in ("height", "width"))
    return None if height is None or width is None else (height, width)


def parse_frames(entry: object, location: str) -> tuple[str, ...]:
    """Return the names of a video's frames.

    Raises:
        DataError: There are none or too many, one is not a valid name, or one is a duplicate.
    """
    frames: tuple[str, ...] = decode_key(entry, MevisVideo, "frames", location)
    check_frame_count(len(frames), f"{location}, frames")
    names = tuple(validate_name(name, "frame name", f"{location}, frames") for name in frames)
    _refuse_repeats(names, "frame", location)
    return names


def parse_expressions(entry: object, location: str) -> Mapping[str, object]:
    """Return the raw expressions of a video by id.

    Raises:
        DataError: There is no such object, or an id is not a valid name.
    """
    expressions: Mapping[str, object] = decode_key(entry, MevisVideo, "expressions", location, deep=False)
    for expression_id in expressions:
        validate_name(expression_id, "expression id", location)
    return expressions


def parse_expression(expression_id: str, raw: object, location: str, *, has_ground_truth: bool) -> Expression:
    """Check one expression.

    Raises:
        DataError: A key is ill-typed, ``exp`` or a required ``anno_id`` is missing, or an id is a duplicate.
    """
    entry = decode_external(raw, MevisExpression, location)
    ids = None
    if has_ground_truth:
        if entry.anno_id is None:
            raise DataError("missing key 'anno_id': a list of ids, empty for no target", location=location)
        ids = tuple(map(str, entry.anno_id))
        _refuse_repeats(ids, "anno_id", location)
    kind = KINDS.get(entry.form or "")
    return Expression(expression_id, entry.exp, ids, entry.audio, entry.order_pair, kind)


def _refuse_repeats(names: Sequence[str], what: str, location: str) -> None:
    if len(set(names)) != len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise DataError(f"duplicate {what} {twice!r}", location=location)


def parse_masks(document: object, location: str) -> dict[str, object]:
    """Return the raw masks of every object by its annotation id.

    Raises:
        DataError: The document is not a mapping.
    """
    return decode_external(document, dict[str, object], location)


def parse_track(raw: object, length: int, location: str) -> tuple[Rle | None, ...]:
    """Return one object's masks.

    Args:
        raw: A list with one entry per frame, ``{"size": [height, width], "counts": str}`` or null.
        length: Frames of the video.
        location: File and key, for messages.

    Raises:
        DataError: The list has another length, or an entry is no COCO run length.
    """
    masks = decode_external(raw, list[object], location)
    if len(masks) != length:
        raise DataError(f"there are {len(masks)} masks, the video has {length} frames", location=location)
    return parse_rles(masks, location)


def parse_boxes(raw: object, length: int, location: str) -> tuple[Corners | None, ...]:
    """Return one object's boxes.

    Args:
        raw: A list with one entry per frame, ``[x0, y0, x1, y1]`` or null.
        length: Frames of the video.
        location: File and key, for messages.

    Raises:
        DataError: The list has another length, or an entry is not four numbers, or ends before it begins.
    """
    boxes = decode_external(raw, list[Corners | None], location)
    if len(boxes) != length:
        raise DataError(f"there are {len(boxes)} boxes, the video has {length} frames", location=location)
    for t, box in enumerate(boxes):
        if box is not None and (box[2] < box[0] or box[3] < box[1]):
            raise DataError(f"box {list(box)} ends before it begins", location=f"{location}, frame {t}")
    return tuple(boxes)
