"""Turn data in the layout of Refer-KITTI into a split in MeViS's layout, so that it can be run and scored like any.

Boxes keep their decimals in ``box_dict.json``; as masks they are filled rectangles of whole pixels. An expression of
Refer-KITTI may mean an object in some frames only (cars while they turn), so an object is there as often as expressions
mean it in different frames. See ``refer_kitti_export`` for the layout and its frame numbers. The data sets themselves
are read without an import (``--data-set refer_kitti``).
"""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mevis_bench.data.mevis.layout import BOX_NAME, FRAME_FOLDER, MASK_NAME, META_NAMES
from mevis_bench.data.refer_kitti.files import (
    EXPRESSIONS,
    FRAMES,
    LABELS,
    Box,
    list_frames,
    read_labels,
    read_referral,
)
from mevis_bench.data.refer_kitti.rectangles import rectangle
from mevis_bench.files.atomic import atomic_write
from mevis_bench.files.names import validate_name
from mevis_bench.records import DataError, UsageError
from mevis_bench.records.image_file import image_size
from mevis_bench.store.formats.refer_kitti import expression_id


@dataclass(frozen=True, slots=True)
class Imported:
    """Counts of an import.

    Attributes:
        videos: Number of videos.
        absent: How often an expression names a track in a frame in which it has no box; these are left out.
    """

    videos: int
    absent: int


@dataclass(slots=True)
class _Video:
    """One video: its entry of the expression file, and masks and boxes by annotation id; see ``Imported``."""

    entry: dict[str, object]
    masks: dict[str, object]
    boxes: dict[str, object]
    absent: int


def import_split(source: Path, out: Path, advance: Callable[[int, int], None]) -> Imported:
    """Write a split; image files are hard links to the source's, or copies on another disk.

    Files keep their content under MeViS's suffix ``.jpg``, PNGs too: every reader looks at the content.

    Args:
        source: The folder that holds ``KITTI`` and ``expression``.
        out: A new or empty folder, which becomes the split.
        advance: Called with videos done and videos in all.

    Raises:
        UsageError: ``source`` has no expressions, or ``out`` is not empty.
        DataError: A file is missing or not of the layout.
    """
    folder = source / EXPRESSIONS
    videos = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not videos:
        raise UsageError("no expressions found", location=str(source), hint=f"{EXPRESSIONS}/<video>/*.json")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError("is not empty", location=str(out), hint="Give a new folder with --out.")
    meta: dict[str, object] = {}
    masks: dict[str, object] = {}
    boxes: dict[str, object] = {}
    absent = 0
    for done, video_id in enumerate(videos, start=1):
        video = _import_video(source, video_id, out)
        meta[video_id] = video.entry
        masks |= video.masks
        boxes |= video.boxes
        absent += video.absent
        advance(done, len(videos))
    atomic_write(out / MASK_NAME, json.dumps(masks))
    atomic_write(out / BOX_NAME, json.dumps(boxes))
    atomic_write(out / META_NAMES[-1], json.dumps({"videos": meta}))
    return Imported(len(videos), absent)


def _import_video(source: Path, video_id: str, out: Path) -> _Video:
    paths = list_frames(source / FRAMES / video_id)
    height, width = image_size(paths[0])
    boxes = [read_labels(source / LABELS / video_id / f"{path.stem}.txt", height, width) for path in paths]
    video = _Video({}, {}, {}, 0)
    known: dict[tuple[int, tuple[int, ...]], str] = {}
    expressions: dict[str, object] = {}
    for path in sorted((source / EXPRESSIONS / video_id).glob("*.json")):
        referral = read_referral(path, len(paths))
        frames: dict[int, list[int]] = {}
        for frame, tracks in referral.tracks.items():
            for track in tracks:
                if track in boxes[frame]:
                    frames.setdefault(track, []).append(frame)
                else:
                    video.absent += 1
        keys = [(track, tuple(numbers)) for track, numbers in sorted(frames.items())]
        for key in keys:
            if key not in known:
                known[key] = name = f"{video_id}_{len(known)}"
                track, there = key[0], set(key[1])
                corners = [one[track] if frame in there else None for frame, one in enumerate(boxes)]
                video.boxes[name] = corners
                video.masks[name] = [_mask(box, height, width) for box in corners]
        one = validate_name(expression_id(path.stem), "expression id", str(path))
        if one in expressions:
            raise DataError(f"two files are expression {one!r}", location=str(path))
        expressions[one] = {"exp": referral.text, "anno_id": [known[key] for key in keys]}
    names = _link_frames(paths, out / FRAME_FOLDER / video_id)
    video.entry = {"expressions": expressions, "frames": names, "height": height, "width": width}
    return video


def _mask(box: Box | None, height: int, width: int) -> dict[str, object] | None:
    if box is None:
        return None
    mask = rectangle(box, height, width)
    return {"size": [height, width], "counts": mask.counts.decode("ascii")}


def _link_frames(frames: list[Path], folder: Path) -> list[str]:
    folder.mkdir(parents=True)
    for path in frames:
        target = folder / f"{path.stem}.jpg"
        try:
            os.link(path.resolve(), target)
        except OSError:
            shutil.copyfile(path, target)
    return [path.stem for path in frames]
