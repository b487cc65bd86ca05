"""Turn data in the layout of Refer-KITTI into a split in MeViS's layout, so that it can be run and scored like any.

Boxes become filled rectangles of whole pixels. An expression of Refer-KITTI may mean an object in some frames only
(cars while they turn), so an object is there as often as expressions mean it in different frames. See
``refer_kitti_export`` for the layout and its frame numbers.
"""

import json
import math
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from mevis_bench.data.mevis.layout import FRAME_FOLDER, MASK_NAME, META_NAMES
from mevis_bench.data.mevis.split import image_size
from mevis_bench.files.atomic import atomic_write
from mevis_bench.files.names import validate_name
from mevis_bench.files.strict_json import read_json
from mevis_bench.records import DataError, UsageError
from mevis_bench.store.formats.refer_kitti import EXPRESSIONS, FRAMES, LABELS, expression_id

Box = tuple[int, int, int, int]
"""``x0, y0, x1, y1`` in pixels, half-open."""
FrameBoxes = Mapping[int, Mapping[int, Box]]
"""Boxes by frame, from 0, and track."""


def import_split(source: Path, out: Path, advance: Callable[[int, int], None]) -> int:
    """Write a split; image files are hard links to the source's, or copies on another disk.

    Files keep their content under MeViS's suffix ``.jpg``, PNGs too: every reader looks at the content.

    Args:
        source: The folder that holds ``KITTI`` and ``expression``.
        out: A new or empty folder, which becomes the split.
        advance: Called with videos done and videos in all.

    Returns:
        Number of videos.

    Raises:
        UsageError: ``source`` has no expressions, or ``out`` is not empty.
        DataError: A file is missing, is not of the layout, or names a track without a box.
    """
    folder = source / EXPRESSIONS
    videos = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not videos:
        raise UsageError("no expressions found", location=str(source), hint=f"{EXPRESSIONS}/<video>/*.json")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError("is not empty", location=str(out), hint="Give a new folder with --out.")
    meta: dict[str, object] = {}
    masks: dict[str, object] = {}
    for done, video_id in enumerate(videos, start=1):
        meta[video_id], found = _import_video(source, video_id, out)
        masks |= found
        advance(done, len(videos))
    atomic_write(out / MASK_NAME, json.dumps(masks))
    atomic_write(out / META_NAMES[-1], json.dumps({"videos": meta}))
    return len(videos)


def _import_video(source: Path, video_id: str, out: Path) -> tuple[dict[str, object], dict[str, object]]:
    """Return the video's entry of the expression file and its objects' masks by annotation id."""
    frames = _frames(source / FRAMES / video_id)
    height, width = image_size(frames[0])
    boxes = {
        number: _read_labels(source / LABELS / video_id / f"{path.stem}.txt", height, width)
        for number, path in enumerate(frames)
    }
    masks: dict[str, object] = {}
    known: dict[tuple[int, tuple[int, ...]], str] = {}
    expressions: dict[str, object] = {}
    for path in sorted((source / EXPRESSIONS / video_id).glob("*.json")):
        sentence, tracks = _read_expression(path, boxes)
        for key in tracks:
            if key not in known:
                known[key] = f"{video_id}_{len(known)}"
                masks[known[key]] = _rectangles(*key, boxes, height, width)
        one = validate_name(expression_id(path.stem), "expression id", str(path))
        if one in expressions:
            raise DataError(f"two files are expression {one!r}", location=str(path))
        expressions[one] = {"exp": sentence, "anno_id": [known[key] for key in tracks]}
    names = _link_frames(frames, out / FRAME_FOLDER / video_id)
    return {"expressions": expressions, "frames": names, "height": height, "width": width}, masks


def _frames(folder: Path) -> list[Path]:
    """Return the image files in order; their names have to be their numbers, from 0."""
    paths = sorted(folder.glob("*.png")) or sorted(folder.glob("*.jpg"))
    if not paths:
        raise DataError("no frames found", location=str(folder))
    for number, path in enumerate(paths):
        if path.stem != f"{number:06d}":
            raise DataError(
                f"frame {number} has to be {number:06d}{path.suffix}, not {path.name}", location=str(folder)
            )
    return paths


def _read_labels(path: Path, height: int, width: int) -> dict[int, Box]:
    """Read one frame's boxes by track, ``<class> <track> x y w h`` as shares of the frame; no file: no boxes."""
    if not path.is_file():
        return {}
    boxes: dict[int, Box] = {}
    for number, line in enumerate(path.read_text(encoding="ascii", errors="replace").splitlines(), start=1):
        try:
            _, track, *sides = (float(field) for field in line.split())
            x, y, w, h = sides
            boxes[int(track)] = _whole_pixels((x * width, y * height, (x + w) * width, (y + h) * height), height, width)
        except (ValueError, OverflowError) as error:
            raise DataError(f"not a label '<class> <track> x y w h': {error}", location=f"{path}:{number}") from error
    return boxes


def _whole_pixels(box: tuple[float, float, float, float], height: int, width: int) -> Box:
    """Round to whole pixels inside the frame, at least one."""
    x0, y0, x1, y1 = (math.floor(side + 0.5) for side in box)
    x0, y0 = min(max(x0, 0), width - 1), min(max(y0, 0), height - 1)
    return x0, y0, min(max(x1, x0 + 1), width), min(max(y1, y0 + 1), height)


def _read_expression(path: Path, boxes: FrameBoxes) -> tuple[str, list[tuple[int, tuple[int, ...]]]]:
    """Return the sentence, and every track it means with the frames in which it does."""
    content = read_json(path)
    label = content.get("label") if isinstance(content, dict) else None
    sentence = content.get("sentence") if isinstance(content, dict) else None
    if not isinstance(label, dict) or not isinstance(sentence, str):
        raise DataError("not an expression {'label': {frame: [tracks]}, 'sentence': ...}", location=str(path))
    frames: dict[int, list[int]] = {}
    for key, tracks in label.items():
        location = f"{path}, label {key}"
        if not key.isdecimal() or int(key) not in boxes:
            raise DataError(f"frame {key} not found; frames count from 0", location=location)
        try:
            numbers = {int(track) for track in tracks}
        except (TypeError, ValueError) as error:
            raise DataError(f"not a list of tracks: {error}", location=location) from error
        for track in sorted(numbers):
            if track not in boxes[int(key)]:
                raise DataError(f"track {track} has no box in frame {key}", location=location)
            frames.setdefault(track, []).append(int(key))
    return sentence, [(track, tuple(sorted(numbers))) for track, numbers in sorted(frames.items())]


def _rectangles(
    track: int, frames: tuple[int, ...], boxes: FrameBoxes, height: int, width: int
) -> list[dict[str, object] | None]:
    """Return a track's boxes in some frames as COCO run lengths, ``None`` in all others."""
    from pycocotools import mask as coco

    masks: list[dict[str, object] | None] = [None] * len(boxes)
    for frame in frames:
        x0, y0, x1, y1 = boxes[frame][track]
        pixels = np.zeros((height, width), np.uint8, order="F")
        pixels[y0:y1, x0:x1] = 1
        masks[frame] = {"size": [height, width], "counts": coco.encode(pixels)["counts"].decode("ascii")}
    return masks


def _link_frames(frames: list[Path], folder: Path) -> list[str]:
    folder.mkdir(parents=True)
    for path in frames:
        target = folder / f"{path.stem}.jpg"
        try:
            os.link(path.resolve(), target)
        except OSError:
            shutil.copyfile(path, target)
    return [path.stem for path in frames]
